// Every close code of graphql-transport-ws, and what the protocol says of each message.
// usage: node socket.js URL TOKEN; prints one line for each case and ends with "N of N"
'use strict';
const WebSocket = require('ws');
const [http, token] = process.argv.slice(2);
const url = http.replace('http:', 'ws:');
const host = new URL(http).host;
const PROTOCOL = 'graphql-transport-ws';
const init = { type: 'connection_init', payload: { Authorization: `Bearer ${token}` } };
const follow = { query: 'subscription { claimEvents { seq } }' };
const subscribe = (id, payload = follow) => ({ type: 'subscribe', id, payload });

// Opens a socket, sends the messages one after another, and collects what comes until `until` says so or it closes.
// It resolves when the connection is gone on both sides: the server then holds none of its seats any more.
function talk(messages, { protocol = PROTOCOL, headers = {}, until = () => false, raw = false } = {}) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocol, { headers });
    const heard = [];
    let told;
    // Much longer than the server waits for anything: only a server that says nothing at all meets it.
    const timer = setTimeout(() => end({ code: 'nothing' }), 60_000);
    const end = (how) => {
      told ??= how;
      if (how.code === 'nothing') socket.terminate();
      if (socket.readyState === WebSocket.CLOSED || how.code === 'nothing') {
        clearTimeout(timer);
        resolve({ heard, ...told });
      } else socket.close();
    };
    socket.on('open', () => messages.forEach((message) => socket.send(raw ? message : JSON.stringify(message))));
    socket.on('message', (text) => {
      if (told) return;
      heard.push(JSON.parse(text));
      if (until(heard[heard.length - 1])) end({ code: 'enough' });
    });
    socket.on('close', (code, reason) => end({ code, reason: String(reason) }));
    // `close` follows.
    socket.on('error', (error) => { told ??= { code: 'error', reason: String(error) }; });
  });
}

// A socket that has shaken hands and stays.
function hold() {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, PROTOCOL);
    socket.on('open', () => socket.send(JSON.stringify(init)));
    socket.on('message', () => resolve(socket));
    socket.on('close', () => resolve(socket));
  });
}

async function post(body, bearer) {
  const headers = { 'content-type': 'application/json' };
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  return (await fetch(http, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

const is = (type) => (message) => message.type === type;
const cases = [
  ['4406 another subprotocol', async () => (await talk([], { protocol: 'graphql-ws' })).code, (code) => code === 4406 || code === 'error'],
  ['4400 not JSON', async () => (await talk(['{'], { raw: true })).code, 4400],
  ['4400 unknown type', async () => (await talk([{ type: 'start' }])).code, 4400],
  ['4400 subscribe without payload', async () => (await talk([init, { type: 'subscribe', id: '1' }])).code, 4400],
  ['4401 subscribe before the handshake', async () => (await talk([subscribe('1')])).code, 4401],
  ['4403 no token', async () => (await talk([{ type: 'connection_init' }])).code, 4403],
  ['4403 wrong token', async () => (await talk([{ type: 'connection_init', payload: { token: 'fps_wrong' } }])).code, 4403],
  ['4408 silence', async () => (await talk([])).code, 4408],
  ['4409 an id twice', async () => (await talk([init, subscribe('1'), subscribe('1')])).code, 4409],
  ['4429 two handshakes', async () => (await talk([init, init])).code, 4429],
  ['handshake by token', async () => (await talk([{ type: 'connection_init', payload: { token } }], { until: is('connection_ack') })).code, 'enough'],
  ['handshake by header', async () => (await talk([{ type: 'connection_init' }], { headers: { authorization: `Bearer ${token}` }, until: is('connection_ack') })).code, 'enough'],
  ['handshake by cookie from our own page', async () => (await talk([{ type: 'connection_init' }], { headers: { cookie: `fangpin_session=${token}`, origin: `http://${host}` }, until: is('connection_ack') })).code, 'enough'],
  ['4403 cookie from another page', async () => (await talk([{ type: 'connection_init' }], { headers: { cookie: `fangpin_session=${token}`, origin: 'http://evil.example' } })).code, 4403],
  ['ping is answered', async () => (await talk([{ type: 'ping', payload: { a: 1 } }], { until: is('pong') })).heard[0]?.payload?.a, 1],
  ['a query has next and complete', async () => {
    const { heard } = await talk([init, subscribe('q', { query: '{ viewer { name } }' })], { until: is('complete') });
    return heard.map((it) => it.type).join(' ');
  }, 'connection_ack next complete'],
  ['the guard stands here too', async () => {
    const { heard } = await talk([init, subscribe('q', { query: `{ ${'viewer { name } '.repeat(11)} }` })], { until: is('error') });
    return heard.at(-1).payload[0].extensions.limit;
  }, 'rootFields'],
  ['a document that does not fit is an error', async () => {
    const { heard } = await talk([init, subscribe('q', { query: 'subscription { nothing }' })], { until: is('error') });
    return heard.at(-1).payload[0].extensions.code;
  }, 'GRAPHQL_VALIDATION_FAILED'],
  ['the sixth subscription is refused', async () => {
    const six = [1, 2, 3, 4, 5, 6].map((id) => subscribe(String(id)));
    const { heard } = await talk([init, ...six], { until: is('error') });
    return `${heard.at(-1).id} ${heard.at(-1).payload[0].extensions.code}`;
  }, '6 TOO_MANY_SUBSCRIPTIONS'],
  ['completing gives the seat and the id back', async () => {
    const messages = [init];
    for (let time = 0; time < 8; time += 1) messages.push(subscribe('1'), { type: 'complete', id: '1' });
    messages.push(subscribe('last', { query: '{ __typename }' }));
    const { heard } = await talk(messages, { until: (it) => it.id === 'last' && it.type === 'complete' });
    return heard.some(is('error')) ? 'an error' : 'fine';
  }, 'fine'],
  ['the eleventh operation is refused', async () => {
    const many = [1, 2, 3, 4, 5].map((id) => subscribe(String(id)));
    for (let id = 6; id < 60; id += 1) many.push(subscribe(String(id), { query: '{ claims(first: 50) { nodes { id household { id } } } }' }));
    const { heard } = await talk([init, ...many], { until: is('error') });
    return `${Number(heard.at(-1).id) > 10} ${heard.at(-1).payload[0].extensions.code}`;
  }, 'true TOO_MANY_SUBSCRIPTIONS'],
  ['4429 the sixth socket of an account', async () => {
    // Those before have hung up; the server hears of it in a moment.
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    const open = await Promise.all([1, 2, 3, 4, 5].map(() => hold()));
    const { code } = await talk([init]);
    open.forEach((socket) => socket.terminate());
    return code;
  }, 4429],
  ['4403 the session ends elsewhere', async () => {
    const logIn = 'mutation($i: LogInInput!) { logIn(input: $i) { token } }';
    const input = { login: 'zcy.li', password: 'fangpin-demo-2020' };
    const own = (await post({ query: logIn, variables: { i: input } })).data.logIn.token;
    setTimeout(() => post({ query: 'mutation { logOut { loggedOut } }' }, own), 300);
    return (await talk([{ type: 'connection_init', payload: { token: own } }])).code;
  }, 4403],
  ['4400 a message that is not text', async () => (await talk([Buffer.from([1, 2])], { raw: true })).code, 4400],
  ['a message too large', async () => (await talk(['x'.repeat(300_000)], { raw: true })).code, (code) => code !== 'nothing' && code !== 'enough'],
];

async function main() {
  let passed = 0;
  for (const [name, act, expected] of cases) {
    const found = await act();
    const ok = typeof expected === 'function' ? expected(found) : found === expected;
    if (ok) passed += 1;
    console.log(`${ok ? 'ok' : 'WRONG'} ${name}: ${found}`);
  }
  console.log(`${passed} of ${cases.length}`);
  process.exit(passed === cases.length ? 0 : 1);
}

main();
