// What fields cannot say: defaults, and the shape of JSON.
onRecordCreate((e) => {
  if (e.record.get('status') === '') e.record.set('status', 'draft');
  e.next();
}, 'products');

onRecordCreate((e) => {
  if (e.record.get('status') === '') e.record.set('status', 'placed');
  e.next();
}, 'orders');

onRecordValidate((e) => {
  const tags = JSON.parse(e.record.getString('tags') || 'null') ?? [];
  const isText = (tag) => typeof tag === 'string' && tag.length >= 1 && tag.length <= 20;
  if (!Array.isArray(tags) || tags.length > 10 || !tags.every(isText)) {
    throw new BadRequestError('tags must be at most 10 texts of 1 to 20 characters');
  }
  const size = JSON.parse(e.record.getString('size') || 'null');
  const isLength = (value) => typeof value === 'number' && value >= 0;
  if (size !== null && !(isLength(size.width) && isLength(size.height) && ['mm', 'cm', 'm'].includes(size.unit ?? 'mm'))) {
    throw new BadRequestError('size must have a width, a height and a unit');
  }
  e.next();
}, 'products');

onRecordValidate((e) => {
  const lines = JSON.parse(e.record.getString('lines') || 'null');
  const isLine = ({ sku, quantity, price }) =>
    typeof sku === 'string' && sku.length <= 40 &&
    Number.isInteger(quantity) && quantity >= 1 && quantity <= 1000 &&
    typeof price === 'number' && price >= 0;
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > 100 || !lines.every(isLine)) {
    throw new BadRequestError('lines must be 1 to 100 lines with sku, quantity and price');
  }
  e.next();
}, 'orders');
