// The default route of a model: its name in the plural and in kebab-case.

const IRREGULAR: Readonly<Record<string, string | undefined>> = {
  person: 'people',
  child: 'children',
  man: 'men',
  woman: 'women',
  mouse: 'mice',
  goose: 'geese',
  foot: 'feet',
  tooth: 'teeth',
  ox: 'oxen',
  datum: 'data',
  criterion: 'criteria',
  quiz: 'quizzes',
  leaf: 'leaves',
  loaf: 'loaves',
  knife: 'knives',
  life: 'lives',
  wife: 'wives',
  half: 'halves',
  shelf: 'shelves',
  self: 'selves',
  wolf: 'wolves',
  thief: 'thieves',
  hero: 'heroes',
  potato: 'potatoes',
  tomato: 'tomatoes',
  echo: 'echoes',
  veto: 'vetoes',
};

const UNCHANGED = new Set([
  'data',
  'equipment',
  'feedback',
  'fish',
  'hardware',
  'information',
  'media',
  'metadata',
  'money',
  'music',
  'news',
  'people',
  'series',
  'sheep',
  'software',
  'species',
  'staff',
]);

/** `ProductCategory` becomes `/api/product-categories`. */
export function defaultPath(model: string): string {
  return `/api/${plural(kebab(model))}`;
}

/** `HTTPServerLog` becomes `http-server-log`. */
export function kebab(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

/** The English plural of the last word. */
export function plural(words: string): string {
  const at = words.lastIndexOf('-') + 1;
  return words.slice(0, at) + pluralWord(words.slice(at));
}

function pluralWord(word: string): string {
  if (UNCHANGED.has(word)) return word;
  const irregular = Object.hasOwn(IRREGULAR, word) ? IRREGULAR[word] : undefined;
  if (irregular !== undefined) return irregular;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  if (word.endsWith('sis')) return `${word.slice(0, -2)}es`;
  return /(s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}
