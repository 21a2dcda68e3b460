// A bank that signs its messages with the published `standardwebhooks` (v1), or with node:crypto (v1a): reads lines of JSON
// { key, id, at, body } and answers each with the signature.
'use strict';
const crypto = require('node:crypto');
const readline = require('node:readline');
const { Webhook } = require('standardwebhooks');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { key, id, at, body } = JSON.parse(line);
  let signature;
  if (key.startsWith('whsk_')) {
    const seed = Buffer.from(key.slice('whsk_'.length), 'base64');
    const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
    const signer = crypto.createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
    signature = `v1a,${crypto.sign(null, Buffer.from(`${id}.${at}.${body}`), signer).toString('base64')}`;
  } else {
    signature = new Webhook(key).sign(id, new Date(at * 1000), body);
  }
  process.stdout.write(`${signature}\n`);
});
