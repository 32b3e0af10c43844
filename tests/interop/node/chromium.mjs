// Chromium without a window, at the pages of authorization servers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.INTEROP_MODULES, '..', 'package.json'));
const { chromium } = require('playwright-core');

/** No page takes longer, in milliseconds. */
const patience = 20_000;
const loginForm = 'form:has(input[value=login])';
const consentForm = 'form:has(input[value=consent])';

let started;

/** A page with no cookies but its own, closed after the test. */
async function open(t, options) {
  assert.ok(process.env.INTEROP_CHROMIUM, 'there is no Chromium: tests/interop/browser says why');
  started ??= chromium.launch({
    executablePath: process.env.INTEROP_CHROMIUM,
    // Pages ask for fonts elsewhere.
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
  const context = await (await started).newContext(options);
  context.setDefaultTimeout(patience);
  t.after(() => context.close());
  return context.newPage();
}

/** Ends the browser. */
export async function quit() {
  await (await started)?.close();
  started = undefined;
}

async function logIn(page, user) {
  await page.fill(`${loginForm} [name=login]`, user);
  await page.fill(`${loginForm} [name=password]`, `the password of ${user}`);
  await page.click(`${loginForm} [type=submit]`);
}

/** Logs in at this URL and agrees; what the page says at which the browser ends. */
export async function agree(t, url, user) {
  const page = await open(t);
  await page.goto(url);
  await logIn(page, user);
  await page.click(`${consentForm} [type=submit]`);
  await page.waitForURL(isReturn);
  return page.textContent('body');
}

/** The same on another machine, from which only the authorization server is reached: the address at which that ends. */
export async function agreeElsewhere(t, url, user) {
  const page = await open(t, { proxy: { server: await only(t, new URL(url).host) } });
  await page.goto(url);
  await logIn(page, user);
  await page.click(`${consentForm} [type=submit]`);
  await page.waitForURL(isReturn);
  return page.url();
}

/** A proxy that leads to one host only. */
async function only(t, host) {
  const proxy = http.createServer((asked, answer) => {
    const target = new URL(asked.url);
    if (target.host !== host) return answer.writeHead(502).end(`${target.host} is not reached from here`);
    const { method, headers } = asked;
    const forwarded = http.request(target, { method, headers }, (answered) => {
      answer.writeHead(answered.statusCode, answered.rawHeaders);
      answered.pipe(answer);
    });
    return asked.pipe(forwarded);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${proxy.address().port}`;
}

/** Logs in and says no. */
export async function refuse(t, url, user) {
  const page = await open(t);
  await page.goto(url);
  await logIn(page, user);
  await page.waitForSelector(consentForm);
  await page.click('text=Cancel');
  await page.waitForURL(isReturn);
}

/** Types a code at this URL, logs in and agrees; what the last page says. */
export async function enterCode(t, url, code, user) {
  const page = await open(t);
  await page.goto(url);
  const field = 'input[name=user_code]:not([type=hidden])';
  await page.fill(field, code);
  await page.click('[type=submit]');
  await page.waitForSelector(field, { state: 'detached' });
  await page.click('[type=submit]:has-text("Continue")');
  await logIn(page, user);
  await page.click(`${consentForm} [type=submit]`);
  await page.waitForSelector(consentForm, { state: 'detached' });
  return page.textContent('body');
}

function isReturn(url) {
  return url.pathname === '/callback';
}
