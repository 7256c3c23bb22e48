import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMATS, formatKeywords, refuseFormat } from './formats.ts';

const GOOD: Record<(typeof FORMATS)[number], string[]> = {
  email: ['a@b.co', 'first.last+tag@mail.example.org', `${'a'.repeat(64)}@b.co`],
  url: ['http://a', 'https://example.org/x?y=1#z', 'HTTPS://EXAMPLE.ORG'],
  uri: ['urn:isbn:0451450523', 'mailto:a@b.co', 'https://example.org'],
  uuid: ['0199a8c0-0000-7000-8000-000000000000', '0199A8C0-0000-7000-8000-00000000000F'],
  hostname: ['a', 'a-b.example.org', `${'a'.repeat(63)}.b`],
  ipv4: ['127.0.0.1', '255.255.255.255'],
  ipv6: ['::1', '2001:db8::ff00:42:8329'],
  slug: ['a', 'hello-world-2'],
  phone: ['+33123456789'],
};

const BAD: Record<(typeof FORMATS)[number], string[]> = {
  email: ['', 'a', 'a@b', '@b.co', 'a b@c.de', 'a@-b.co', `${'a'.repeat(65)}@b.co`, 'a@b..co'],
  url: ['', 'ftp://a', 'http://', 'http:// a', 'javascript:alert(1)', 'http://a\n', '//a'],
  uri: ['', 'a', 'a b:c', 'https://', 'x:\ty'],
  uuid: ['', '0199a8c0', '{0199a8c0-0000-7000-8000-000000000000}'],
  hostname: ['', '-a', 'a-', 'a..b', 'a_b', 'a'.repeat(64)],
  ipv4: ['', '1.2.3', '256.1.1.1', '01.2.3.4'],
  ipv6: ['', '1.2.3.4', ':::', 'fe80::1%eth0'],
  slug: ['', 'A', '-a', 'a-', 'a--b', 'a_b'],
  phone: ['', '0123456789', '+012345678', '+1234567890123456', '+33 123'],
};

for (const format of FORMATS) {
  test(`${format} is taken for what it is`, () => {
    for (const text of GOOD[format]) assert.equal(refuseFormat(format, text), null, text);
    for (const text of BAD[format]) {
      assert.match(refuseFormat(format, text) ?? '', /^must be /, JSON.stringify(text));
    }
  });

  test(`${format} is never slow, and always bounded`, () => {
    const { maxLength } = formatKeywords(format);
    assert.ok(typeof maxLength === 'number');
    for (const piece of ['a', 'a@', 'a.', '-', '1:', 'http://a?']) {
      const text = piece.repeat(100_000);
      assert.notEqual(refuseFormat(format, text), null);
    }
  });
}
