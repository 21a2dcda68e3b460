// Over a socket that somebody has opened, tries to sign in with another login; prints the code of the answer.
// usage: node login.js URL TOKEN FORWARDED LOGIN
'use strict';
const WebSocket = require('ws');
const [url, token, forwarded, login] = process.argv.slice(2);
const headers = { 'x-forwarded-for': forwarded };
const socket = new WebSocket(url.replace('http:', 'ws:'), 'graphql-transport-ws', { headers });
const query = 'mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }';
const say = (message) => socket.send(JSON.stringify(message));
socket.on('open', () => say({ type: 'connection_init', payload: { token } }));
socket.on('message', (text) => {
  const message = JSON.parse(text);
  if (message.type === 'connection_ack') {
    say({ type: 'subscribe', id: '1', payload: { query, variables: { input: { login, password: 'not the password' } } } });
  } else if (message.type === 'next') {
    const { data, errors } = message.payload;
    console.log(errors ? errors[0].extensions.code : data.logIn.userErrors[0].code);
    process.exit(0);
  }
});
socket.on('close', (code) => {
  console.log(`closed with ${code}`);
  process.exit(1);
});
