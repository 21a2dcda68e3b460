// An insurer's system that takes webhooks and verifies them: HMAC (v1) with the published `standardwebhooks`, ed25519 (v1a),
// which that lacks, with node:crypto. It misbehaves as receivers do: once for some messages it fails, asks to be left alone,
// hangs, breaks off before or after it has taken a message. One line of JSON for each arrival.
// usage: node receiver.js KEYS.json GONE (a receiver that answers 410 while the file GONE exists)
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const { Webhook } = require('standardwebhooks');

const [keyFile, gone] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

function ed25519(key, headers, body) {
  const raw = Buffer.from(key.slice('whpk_'.length), 'base64');
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  const verifier = crypto.createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);
  return headers['webhook-signature'].split(' ').some((part) => {
    const [version, signature] = part.split(',');
    return version === 'v1a' && crypto.verify(null, signed, verifier, Buffer.from(signature, 'base64'));
  });
}

function verifies(key, headers, body) {
  try {
    if (key.startsWith('whpk_')) return ed25519(key, headers, body);
    new Webhook(key).verify(body.toString(), headers);
    return true;
  } catch {
    return false;
  }
}

const tried = new Map();
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('error', () => {});
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    const id = request.headers['webhook-id'];
    const keys = JSON.parse(fs.readFileSync(keyFile, 'utf8'));
    const verified = keys.map((key) => verifies(key, request.headers, body));
    const tries = (tried.get(id) ?? 0) + 1;
    tried.set(id, tries);
    const drawn = crypto.createHash('sha256').update(id).digest()[0];
    let answer = 204;
    if (fs.existsSync(gone)) answer = 410;
    else if (tries === 1 && drawn < 20) answer = 500;
    else if (tries === 1 && drawn < 28) answer = 429;
    else if (tries === 1 && drawn < 32) answer = 'hangs';
    else if (tries === 1 && drawn < 42) answer = 'drops';
    else if (tries === 1 && drawn < 52) answer = 'lost';
    else if (tries === 1 && drawn < 56) answer = 302;
    say({ id, answer, verified, text: body.toString() });
    if (answer === 'hangs') return;
    // 'lost': it was taken, and nobody is told.
    if (answer === 'drops' || answer === 'lost') return void request.socket.destroy();
    const headers = answer === 429 ? { 'retry-after': '1' } : answer === 302 ? { location: '/elsewhere' } : {};
    response.writeHead(answer, headers).end();
  });
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
