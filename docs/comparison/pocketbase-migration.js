// The shop of docs/examples/shop.yaml for PocketBase 0.36: collections, rules, indexes.
migrate((app) => {
  const open = { listRule: '', viewRule: '', createRule: '', updateRule: '', deleteRule: '' };

  const brands = new Collection({
    ...open, type: 'base', name: 'brands',
    fields: [
      // The id of a record is its own text field; its pattern can be changed.
      { name: 'id', type: 'text', primaryKey: true, required: true, system: true, min: 1, max: 60, pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', autogeneratePattern: '' },
      { name: 'name', type: 'text', required: true, min: 1, max: 100 },
      { name: 'website', type: 'text', max: 500, pattern: '^https://' },
    ],
    indexes: ['CREATE UNIQUE INDEX brands_name ON brands (name)'],
  });
  app.save(brands);

  const categories = new Collection({
    ...open, type: 'base', name: 'categories',
    fields: [{ name: 'name', type: 'text', required: true, min: 1, max: 100 }],
    indexes: ['CREATE INDEX categories_name ON categories (name)'],
  });
  app.save(categories);
  // A collection has to be there before a field can refer to it.
  categories.fields.add(new RelationField({ name: 'parent', collectionId: categories.id, maxSelect: 1 }));
  app.save(categories);
  const products = new Collection({
    ...open, type: 'base', name: 'products',
    fields: [
      { name: 'name', type: 'text', required: true, min: 1, max: 200 },
      { name: 'price', type: 'number', required: false, min: 0 },
      { name: 'sku', type: 'text', max: 40, pattern: '^[A-Z0-9-]+$' },
      { name: 'status', type: 'select', values: ['draft', 'live', 'retired'], maxSelect: 1 },
      { name: 'stock', type: 'number', min: 0, onlyInt: true },
      { name: 'rating', type: 'number', min: 0, max: 5 },
      { name: 'featured', type: 'bool' },
      { name: 'description', type: 'text', max: 10000 },
      { name: 'tags', type: 'json' },
      { name: 'size', type: 'json' },
      { name: 'brand', type: 'relation', collectionId: brands.id, maxSelect: 1, required: true },
      { name: 'category', type: 'relation', collectionId: categories.id, maxSelect: 1 },
      { name: 'availableFrom', type: 'date' },
      { name: 'createdAt', type: 'autodate', onCreate: true },
    ],
    indexes: [
      'CREATE INDEX products_name ON products (name)',
      'CREATE INDEX products_price ON products (price)',
      "CREATE UNIQUE INDEX products_sku ON products (sku) WHERE sku != ''",
      'CREATE INDEX products_status ON products (status)',
      'CREATE INDEX products_stock ON products (stock)',
      'CREATE INDEX products_brand ON products (brand)',
      'CREATE INDEX products_category ON products (category)',
      'CREATE INDEX products_created ON products (createdAt)',
    ],
  });
  app.save(products);
  const orders = new Collection({
    ...open, type: 'base', name: 'orders',
    // What never changes is said by the rule of updates.
    updateRule: '@request.body.number:changed = false',
    fields: [
      { name: 'number', type: 'text', required: true, max: 20, pattern: '^[0-9]{4}-[0-9]{6}$' },
      { name: 'email', type: 'email', required: true },
      { name: 'lines', type: 'json', required: true },
      { name: 'total', type: 'number', min: 0 },
      { name: 'status', type: 'select', values: ['placed', 'paid', 'shipped', 'cancelled'], maxSelect: 1 },
      { name: 'placedAt', type: 'autodate', onCreate: true },
    ],
    indexes: [
      'CREATE UNIQUE INDEX orders_number ON orders (number)',
      'CREATE INDEX orders_email ON orders (email)',
      'CREATE INDEX orders_total ON orders (total)',
      'CREATE INDEX orders_status ON orders (status)',
      'CREATE INDEX orders_placed ON orders (placedAt)',
    ],
  });
  app.save(orders);
}, (app) => {
  for (const name of ['orders', 'products', 'categories', 'brands']) {
    app.delete(app.findCollectionByNameOrId(name));
  }
});
