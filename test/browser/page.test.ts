/** The page in a real browser, against a real server: both languages, its content policy, and what it says when things go wrong. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { toColumns } from '../../protocols/frame.ts';
import { noon, sample, startHub } from '../hub/http-fixture.ts';

const executablePath = '/usr/bin/chromium';
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const required = process.env.PAYESH_REQUIRE_COUNTERPARTS === '1';
const skip = existsSync(executablePath) || required ? false : `${executablePath} is not installed`;
/** A folder to keep pictures of the page in, to be looked at. */
const pictures = process.env.PAYESH_PICTURES;

type Hub = Awaited<ReturnType<typeof startHub>>;

t.test('the page', { skip }, async (t) => {
  const browser = await chromium.launch({ executablePath, args });
  t.teardown(() => browser.close());
  // They mostly wait, so they run side by side.
  t.jobs = 3;

  for (const [locale, words] of Object.entries(expected)) {
    t.test(`shows values, KPIs and agents (${locale})`, async (t) => {
      const hub = await startHub(t);
      fillHub(hub);
      const { page, complaints } = await openPage(t, browser, { locale });
      await page.goto(`${hub.origin}/#token=${hub.token('admin')}`);
      const cnc1 = page.locator('.card', { has: page.getByRole('heading', { name: words.cnc1, exact: true }) });
      await cnc1.getByText(words.temperature, { exact: true }).waitFor();
      await cnc1.getByText(words.oee, { exact: true }).waitFor();

      t.equal(new URL(page.url()).hash, '', 'the token is gone from the address');
      t.same(await page.evaluate('[document.documentElement.lang, document.documentElement.dir]'), words.direction);
      t.equal(await cnc1.getByText(words.temperature, { exact: true }).getAttribute('dir'), 'ltr');
      await page.getByText(words.provisional).first().waitFor();
      await page.getByText(words.kwh, { exact: true }).first().waitFor();
      await page.getByText(words.noData).first().waitFor();
      t.match(await page.locator('.agent').first().innerText(), words.online);
      await picture(page, `page-${locale}`);

      hub.arrive(hub.streams.machining, [sample(2, noon, 99.25)]);
      await cnc1.getByText(words.hot, { exact: true }).waitFor();
      t.same(complaints, [], 'nothing was complained about');
    });
  }

  t.test('changes its language without losing what it shows', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const { page, complaints } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/#token=${hub.token('analyst')}`);
    await page.getByRole('heading', { name: 'CNC 1' }).waitFor();
    await page.getByRole('button', { name: 'فارسی' }).click();
    await page.getByRole('heading', { name: 'سی‌ان‌سی ۱' }).waitFor();
    t.equal(await page.evaluate('document.documentElement.dir'), 'rtl');
    await page.reload();
    await page.getByRole('heading', { name: 'سی‌ان‌سی ۱' }).waitFor();
    t.same(complaints, []);
  });

  t.test('asks for a token, refuses a wrong one, and forgets it on leaving', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const { page } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(hub.origin);
    await picture(page, 'entry');
    await page.getByLabel('Token').fill('pay_wrong');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('This token is not known here').waitFor();
    await page.getByLabel('Token').fill(hub.token('technician'));
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('heading', { name: 'CNC 1' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    t.equal(await page.evaluate('sessionStorage.length'), 0);
    t.equal(await page.locator('.card').count(), 0);
  });

  t.test('says that the hub is lost, keeps what it knew, and comes back by itself', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const preset = hub.token('admin');
    const { page } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/#token=${preset}`);
    await page.getByText('21.5 °C').waitFor();
    await page.context().setOffline(true);
    hub.app.server.closeAllConnections();
    await page.getByText('The connection to the hub is lost').waitFor();
    t.ok(await page.getByText('21.5 °C').isVisible());
    await picture(page, 'lost');
    hub.arrive(hub.streams.machining, [sample(2, noon, 33.25)]);
    await page.context().setOffline(false);
    await page.getByText('33.25 °C').waitFor();
    await page.getByText('The connection to the hub is lost').waitFor({ state: 'hidden' });
  });

  t.test('a value that is on its way is shown, and said to be not stored yet', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const { page } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/#token=${hub.token('analyst')}`);
    await page.getByText('CNC 1').first().waitFor();
    hub.latest.show(hub.streams.machining, toColumns([sample(2, noon + 1_000_000, 44.75)]));
    await page.getByText('44.75 °C').waitFor();
    await page.getByText('not stored yet').waitFor();
    hub.arrive(hub.streams.machining, [sample(2, noon + 1_000_000, 44.75)]);
    await page.getByText('not stored yet').waitFor({ state: 'detached' });
  });

  t.test('proves the delivery on demand', async (t) => {
    const stream = {
      stream: 1,
      agent: 'machining',
      epoch: 'a',
      through: 1234,
      stored: 1230,
      expired: 0,
      inherited: 0,
      elsewhere: 0,
      deadLetters: 4,
      gapNumbers: 0,
    };
    const doubles = { count: 3, listed: [] };
    const proof = {
      ok: true,
      sentence: '',
      doubles,
      streams: [{ ...stream, beyond: 0, frames: 9, framesCompared: 9, invariants: [] }],
    };
    const hub = await startHub(t, { verify: async () => proof });
    fillHub(hub);
    const { page } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/#token=${hub.token('admin')}`);
    await page.getByRole('button', { name: 'Prove it now' }).click();
    await page.getByText('of 1,234 acknowledged samples, 1,230 are stored exactly once, 4 are dead letters').waitFor();
    await page.getByText('3 of them came twice').waitFor();
  });

  t.test('shows one site only to who may see one, and says when there is nothing', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const { page } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/#token=${hub.token('analyst', ['aras/packaging-plant'])}`);
    await page.getByRole('heading', { name: 'Filler' }).waitFor();
    await page.getByText('7.7 m³').waitFor();
    t.equal(await page.getByRole('heading', { name: 'CNC 1' }).count(), 0);
    const stranger = await openPage(t, browser, { locale: 'en-GB' });
    await stranger.page.goto(`${hub.origin}/#token=${hub.token('analyst', ['nowhere'])}`);
    await stranger.page.getByText('Nothing to show yet').waitFor();
  });

  t.test('fits a telephone and a dark room', async (t) => {
    const hub = await startHub(t);
    fillHub(hub);
    const viewport = { width: 390, height: 844 };
    const { page, complaints } = await openPage(t, browser, { locale: 'fa-IR', colorScheme: 'dark', viewport });
    await page.goto(`${hub.origin}/#token=${hub.token('admin')}`);
    await page.getByText('۲۱٫۵ °C').waitFor();
    hub.arrive(hub.streams.machining, [sample(4, noon, 'E2017 tool breakage detected on the second turret, axis X2')]);
    await page.getByText(/E2017/).waitFor();
    const wide =
      "[document.documentElement, ...document.querySelectorAll('.card')].filter((e) => e.scrollWidth > e.clientWidth).length";
    t.equal(await page.evaluate(wide), 0, 'nothing sticks out, a long alarm neither');
    await picture(page, 'telephone-dark');
    t.same(complaints, []);
  });

  t.test('the API page works within its content policy', async (t) => {
    const hub = await startHub(t);
    const { page, complaints } = await openPage(t, browser, { locale: 'en-GB' });
    await page.goto(`${hub.origin}/api/v1/docs`);
    await page.getByText('Samples of one tag').waitFor();
    await picture(page, 'docs');
    t.same(complaints, []);
  });
});

const expected = {
  'en-GB': {
    direction: ['en', 'ltr'],
    cnc1: 'CNC 1',
    temperature: '21.5 °C',
    hot: '99.25 °C',
    oee: '73.9%',
    kwh: '1,540.25 kWh',
    provisional: 'Provisional',
    noData: 'No data',
    online: /Online/,
  },
  'fa-IR': {
    direction: ['fa', 'rtl'],
    cnc1: 'سی‌ان‌سی ۱',
    temperature: '۲۱٫۵ °C',
    hot: '۹۹٫۲۵ °C',
    oee: '۷۳٫۹٪',
    kwh: '۱٬۵۴۰٫۲۵ kWh',
    provisional: 'موقت',
    noData: 'بدون داده',
    online: /برخط/,
  },
};

function fillHub(hub: Hub): void {
  hub.arrive(
    hub.streams.machining,
    [
      sample(1, noon - 4_000_000, 6),
      sample(2, noon - 1_000_000, 21.5),
      sample(3, noon - 2_000_000, 12_345),
      sample(4, noon - 300_000_000, ''),
      sample(5, noon - 1_000_000, 812_345.67),
      sample(6, noon - 1_000_000, true),
      sample(7, noon - 12_000_000, null, 0x800a0000),
      sample(2, noon - 500_000, 'on'),
    ],
    [{ number: 8, reason: 'type' }],
  );
  hub.latest.update(hub.streams.machining, { tags: [2], times: [noon], values: [21.5], qualities: [0], flags: [0] });
  hub.arrive(hub.streams.packaging, [
    sample(1, noon - 1_000_000, 118.4, 0x40000000),
    sample(2, noon, false),
    sample(3, noon - 1_000_000, 77),
  ]);
}

async function openPage(t: Test, browser: Browser, options: Parameters<Browser['newContext']>[0]) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  t.teardown(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  /** Errors, warnings and breaches of the content policy, which Chromium tells on the console. */
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints };
}

async function picture(page: Page, name: string): Promise<void> {
  if (!pictures) return;
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
