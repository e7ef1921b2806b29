/** The doctor's words in Persian. Between backticks is what reads from left to right: commands, addresses, names. */
import type { Format } from '../status/page/format.js';
import { words } from '../status/page/words.js';
import { isolated } from '../status/problems.ts';
import type { DoctorWords, Told } from './words-en.ts';

const tell = (text: string, ...todo: string[]): Told => ({ text: isolated(text), todo: todo.map(isolated) });
const tenths = new Intl.NumberFormat('fa-IR', { maximumFractionDigits: 1 });
const inMs = (value: number) => `${tenths.format(value)} میلی‌ثانیه`;
/** What another program said, in its own language. */
const foreign = (text: string) => (text === '' ? '' : `\`${text.replaceAll('`', "'")}\``);

export const doctorWordsFa = (f: Format): DoctorWords => ({
  lang: 'fa',
  names: {
    configuration: 'پیکربندی',
    agent: 'عاملِ در حال کار',
    data: 'پوشهٔ داده',
    clock: 'ساعت',
    expiry: 'تاریخ‌های پایان اعتبار',
    broker: 'بروکر',
    hub: 'هاب',
  },
  notFinished: (seconds) => tell(`تا ${f.span(seconds)} به پایان نرسید`),
  unforeseen: (reason) => tell(`خطا: ${foreign(reason)}`),

  configurationRight: (file, agent, site) => tell(`\`${file}\` درست است: عامل \`${agent}\` در \`${site}\``),
  agentRuns: (agent, version, number, file) =>
    tell(
      `\`${agent}\` نسخهٔ \`${version}\` با نسخهٔ ${f.count(number)} از \`${file}\` کار می‌کند؛ وضعیت ارتباط‌ها از خود آن پرسیده می‌شود`,
    ),
  sends: (broker) => tell(`عامل به \`${broker}\` ارسال می‌کند`),
  sendsNot: (state, broker) => tell(`عامل ارسال نمی‌کند؛ ${words.fa.link[state]}: \`${broker}\``),
  sendsNotYet: (state, broker) =>
    tell(
      `عامل هنوز ارسال نمی‌کند؛ ${words.fa.link[state]}: \`${broker}\``,
      'خودش دوباره تلاش می‌کند: نیم دقیقهٔ دیگر این بررسی را تکرار کنید.',
    ),
  sourceUp: (good, uncertain, bad) =>
    tell(`عامل متصل است؛ ${f.count(good)} تگ سالم، ${f.count(uncertain)} نامطمئن، ${f.count(bad)} خراب`),
  sourceUpWithoutValue: (count) =>
    tell(
      `عامل متصل است، ولی هیچ‌یک از ${f.count(count)} تگ آن هنوز مقدار ندارد`,
      'نخستین مقدارها کمی زمان می‌برد: نیم دقیقهٔ دیگر این بررسی را تکرار کنید.',
    ),
  sourceNotUp: (state, error) => tell(`عامل ${state} است${error && `: ${foreign(error)}`}`),
  sourceNotUpYet: (state, seconds, error) =>
    tell(
      `عامل ${f.span(seconds)} است که ${state} است${error && `: ${foreign(error)}`}`,
      'خودش دوباره تلاش می‌کند: نیم دقیقهٔ دیگر این بررسی را تکرار کنید.',
    ),
  state: { connecting: 'در حال اتصال', down: 'قطع', up: 'متصل' },

  folderMissing: (folder) => tell(`پوشهٔ \`${folder}\` هنوز نیست: عامل در نخستین راه‌اندازی آن را می‌سازد`),
  folderCannotBeMade: (folder, parent) =>
    tell(
      `پوشهٔ \`${folder}\` نیست و در \`${parent}\` نمی‌توان نوشت`,
      `آن را برای کاربر عامل بسازید: \`sudo install -d -o payesh -m 700 ${folder}\``,
    ),
  noFolder: (folder) => tell(`\`${folder}\` پوشه نیست`, 'در پیکربندی، برای `dataDir` نام یک پوشه را بنویسید.'),
  folderWritable: (folder) => tell(`در \`${folder}\` می‌توان نوشت`),
  diskFull: (folder) => tell(`دیسکِ \`${folder}\` پر است`, 'ببینید چه چیزی جا گرفته است: `df -h` و `du -xhd1 /var`'),
  diskReadOnly: (folder) =>
    tell(
      `\`${folder}\` روی دیسکی است که فقط می‌توان از آن خواند`,
      'کارت حافظهٔ فرسوده خودش را فقط‌خواندنی می‌کند: خروجی `dmesg` را ببینید و کارت را عوض کنید.',
    ),
  folderUnwritable: (folder, reason) =>
    tell(
      `در \`${folder}\` نمی‌توان نوشت: ${foreign(reason)}`,
      `آن را به کاربر عامل بدهید: \`sudo chown -R payesh ${folder}\``,
      'یا این بررسی را با همان کاربر اجرا کنید: `sudo -u payesh payesh-agent doctor …`',
    ),
  room: (free, max) => tell(`${f.bytes(free)} آزاد است؛ بافر می‌تواند تا ${f.bytes(max)} بزرگ شود`),
  roomShort: (free, max) =>
    tell(
      `فقط ${f.bytes(free)} آزاد است، ولی بافر می‌تواند تا ${f.bytes(max)} بزرگ شود: دیسک زودتر پر می‌شود`,
      'جا باز کنید: `journalctl --vacuum-size=200M` و `df -h`',
      'یا `buffer.maxBytes` را به اندازه‌ای که دیسک جا دارد تنظیم کنید.',
    ),
  fsync: (ms, rounds) => tell(`ماندگار کردن یک بلوک ${inMs(ms)} طول می‌کشد (میانهٔ ${f.count(rounds)} بار)`),
  fsyncSlow: (ms, rounds, allowedMs) =>
    tell(
      `ماندگار کردن یک بلوک ${inMs(ms)} طول می‌کشد (میانهٔ ${f.count(rounds)} بار)؛ بیش از ${inMs(allowedMs)}`,
      'کارت SD و فلش USB معمولاً همین‌قدر کند است و فرسوده می‌شود: از SSD یا کارت صنعتی استفاده کنید.',
      'تا آن زمان، `acceptance.intervalMs` بزرگ‌تر دفعات نوشتن را کم می‌کند.',
    ),

  clockSynchronised: () => tell('ساعت سیستم با NTP هماهنگ است'),
  clockFree: () =>
    tell(
      'ساعت سیستم هماهنگ نمی‌شود: زمان‌ها جابه‌جا می‌شود و پس از قطع برق شاید چند ساعت خطا داشته باشد',
      'هماهنگی را روشن کنید: `sudo timedatectl set-ntp true`',
      'بدون اینترنت، یک سرور زمان کارخانه را در `/etc/systemd/timesyncd.conf` زیر `NTP=` بنویسید.',
    ),
  clockUnknown: () =>
    tell(
      'اینجا نمی‌توان فهمید ساعت با NTP هماهنگ است یا نه',
      'در کانتینر، ساعت همان ساعت ماشین اصلی است: آنجا را ببینید.',
    ),
  hubSilent: (url, reason) =>
    tell(
      `هاب در \`${url}\` پاسخ نمی‌دهد: ${foreign(reason)}`,
      'فقط صحت‌سنجی به آن نیاز دارد؛ نمونه‌ها از راه بروکر می‌رود. `hub.url` و فایروال را بررسی کنید.',
    ),
  hubWithoutTime: (url) => tell(`هاب در \`${url}\` زمان خود را نمی‌گوید`),
  clockAgrees: (whose) => tell(`ساعت ${whoseFa[whose]} با ساعت این گیت‌وی یکی است`),
  clockOff: (whose, seconds, isAhead, maxSkewMs) =>
    tell(
      `ساعت ${whoseFa[whose]} ${f.span(seconds)} ${isAhead ? 'جلوتر' : 'عقب‌تر'} از ساعت این گیت‌وی است`,
      'یکی از این دو غلط است: هر دو را با یک ساعت درست مقایسه کنید و هر دو را از یک سرور زمان هماهنگ کنید.',
      ...(maxSkewMs === undefined
        ? []
        : [`تا آن زمان، اگر اختلاف بیش از ${inMs(maxSkewMs)} باشد (\`maxSkewMs\`) زمان آن پذیرفته نمی‌شود.`]),
    ),

  nothingExpires: () => tell('اینجا چیزی تاریخ پایان ندارد'),
  ownCertificateLater: () => tell('عامل گواهی OPC UA خود را در نخستین راه‌اندازی می‌سازد'),
  ownCertificate: (until) => tell(`گواهی خودِ عامل تا \`${until}\` معتبر است`),
  ownCertificateEnds: (until, hasEnded, file) =>
    tell(
      `اعتبار گواهی خودِ عامل در \`${until}\` ${hasEnded ? 'تمام شده است' : 'تمام می‌شود'}`,
      'زمانی را انتخاب کنید که خط‌ها متوقف است: هر سرور باید گواهی تازه را تأیید کند.',
      `سپس این دستور را اجرا و عامل را دوباره راه‌اندازی کنید: \`payesh-agent trust -c ${file} --renew-own\``,
    ),
  waiver: (source, until) => tell(`\`${source}\` تا \`${until}\` اجازه دارد بدون رمزنگاری کار کند`),
  waiverEnds: (source, until, days) =>
    tell(
      `\`${source}\` فقط تا \`${until}\` (${f.count(days)} روز دیگر) اجازه دارد بدون رمزنگاری کار کند؛ پس از آن عامل با آن راه نمی‌افتد`,
      'رمزنگاری را در سرور روشن کنید یا دوباره دربارهٔ این معافیت تصمیم بگیرید.',
    ),

  nameKnown: (host, address) => tell(`نام \`${host}\` همان \`${address}\` است`),
  nameUnknown: (host, isDnsAway) =>
    tell(
      `این گیت‌وی نام \`${host}\` را نمی‌شناسد: ${isDnsAway ? 'هیچ سرور DNS پاسخ نمی‌دهد' : 'نه در DNS هست و نه در فایل hosts'}`,
      'در پیکربندی نشانی IP بنویسید، یا نام را در `/etc/hosts` یا DNS وارد کنید.',
      'ببینید از کدام سرور DNS پرسیده می‌شود: `resolvectl status` یا `cat /etc/resolv.conf`',
    ),
  portOpen: (host, port, ms) => tell(`پورت \`${port}\` در \`${host}\` باز است (${inMs(ms)})`),
  portRefused: (host, port) =>
    tell(
      `\`${host}\` پاسخ می‌دهد، ولی پورت \`${port}\` را رد می‌کند: آنجا هیچ برنامه‌ای گوش نمی‌دهد`,
      'شمارهٔ پورت را با تنظیم طرف مقابل مقایسه کنید.',
      'ببینید سرویس آنجا روشن است یا نه. شاید هم فایروال رد می‌کند.',
    ),
  portSilent: (host, port, seconds) =>
    tell(
      `پورت \`${port}\` در \`${host}\` تا ${f.span(seconds)} پاسخ نداد`,
      `ببینید خود دستگاه در شبکه هست یا نه: \`ping ${host}\``,
      'اگر هست، فایروال ارتباط را دور می‌اندازد؛ اگر نیست، برق، کابل و نشانی آن را بررسی کنید.',
    ),
  noRoute: (host) =>
    tell(
      `این گیت‌وی راهی به \`${host}\` ندارد`,
      'نشانی و ماسک گیت‌وی را با شبکهٔ طرف مقابل مقایسه کنید: `ip address` و `ip route`',
      'ببینید کابل در درگاه درست شبکه باشد.',
    ),
  portCloses: (host, port) =>
    tell(
      `\`${host}\` ارتباط با پورت \`${port}\` را بی‌درنگ می‌بندد`,
      'شاید تعداد ارتباط محدودی می‌پذیرد: برنامه‌های دیگری را که از آن می‌خوانند ببندید، یا فهرست مجاز آن را ببینید.',
    ),
  portUnreachable: (host, port, code) =>
    tell(`پورت \`${port}\` در \`${host}\` در دسترس نیست: ${foreign(code)}`, `امتحان کنید: \`ping ${host}\``),

  serialThere: (path) => tell(`درگاه سریال \`${path}\` هست و می‌توان آن را باز کرد`),
  serialMissing: (path, there) =>
    tell(
      `درگاه سریال \`${path}\` وجود ندارد`,
      there.length > 0
        ? `این‌ها هست: \`${there.join(', ')}\``
        : 'هیچ مبدل سریال USB وصل نیست، یا درایور آن نصب نیست: خروجی `dmesg` را ببینید.',
    ),
  serialDenied: (path) =>
    tell(
      `این کاربر اجازهٔ باز کردن درگاه سریال \`${path}\` را ندارد`,
      'به کاربر عامل اجازه دهید و عامل را دوباره راه‌اندازی کنید: `sudo usermod -aG dialout payesh`',
    ),
  serialBusy: (reason, path) =>
    tell(`برنامهٔ دیگری درگاه سریال را گرفته است: ${foreign(reason)}`, `ببینید کدام برنامه است: \`fuser -v ${path}\``),

  unitAnswers: (unit, ms) => tell(`یونیت ${f.count(unit)} پاسخ می‌دهد (${inMs(ms)})`),
  unitBehindGateway: (unit, exception) =>
    tell(
      `یونیت ${f.count(unit)}: مبدلِ میان راه به جای دستگاه پاسخ می‌دهد (استثنای ${f.count(exception)}): خود دستگاه پاسخ نمی‌دهد`,
      'برق و سیم‌کشی آن دستگاه پشت مبدل و شمارهٔ یونیت آن را بررسی کنید.',
    ),
  unitRefuses: (unit, table, address, exception) =>
    tell(
      `یونیت ${f.count(unit)} هست، ولی \`${table} ${address}\` را رد می‌کند (استثنای ${f.count(exception)})`,
      'جدول و نشانی را با دفترچهٔ دستگاه مقایسه کنید؛ بعضی دفترچه‌ها از ۱ می‌شمارند.',
    ),
  unitSilent: (unit, reason, timeoutMs) =>
    tell(
      `یونیت ${f.count(unit)} پاسخ نمی‌دهد: ${foreign(reason)}`,
      'شمارهٔ یونیت روی دستگاه و برق آن را بررسی کنید؛ روی خط سریال سیم‌های A و B، مقاومت پایانی، نرخ baud و parity را هم.',
      `دستگاه کند زمانی بیش از ${inMs(timeoutMs)} می‌خواهد: \`timeoutMs\` را بیشتر کنید.`,
    ),
  tagsRead: (count) =>
    tell(count === 1 ? 'تگ آن خوانده می‌شود و سالم است' : `هر ${f.count(count)} تگ خوانده می‌شود و سالم است`),
  tagsNotRead: (count, total, quality, path, address, command) =>
    tell(
      `${f.count(count)} تگ از ${f.count(total)} تگ خوانده نمی‌شود، مانند \`${path}\`: \`${quality}\``,
      `در پیکربندی \`${address}\` است: آن را با خود دستگاه یا دفترچهٔ آن مقایسه کنید.`,
      `آن را خام بخوانید: \`${command}\``,
    ),
  readingFails: (reason) => tell(`تگ‌های آن خوانده نمی‌شود: ${foreign(reason)}`),

  notOpcua: (reason) =>
    tell(
      `مانند سرور OPC UA پاسخ نمی‌دهد: ${foreign(reason)}`,
      'پورت و مسیر را با آنچه خود سرور به عنوان endpoint نشان می‌دهد مقایسه کنید.',
    ),
  loginLater: () =>
    tell(
      'پیش از آنکه عامل گواهی خود را بسازد، ورود را نمی‌توان آزمود',
      'عامل را یک بار راه‌اندازی کنید و سپس این بررسی را تکرار کنید.',
    ),
  notOffered: (wanted, there) =>
    tell(
      `آنچه پیکربندی شده است (\`${wanted}\`) را ندارد؛ فقط: ${foreign(there.join('; ')) || 'هیچ'}`,
      'آن حالت را در سرور روشن کنید؛ `basic256sha256` و سیاست‌های `aes` خوب است، قدیمی‌ترها پذیرفته نمی‌شود.',
    ),
  nobodyIn: (kind, users) =>
    tell(
      `کسی را آن‌گونه که پیکربندی شده است (\`${kind}\`) راه نمی‌دهد؛ فقط: ${foreign(users.join(', ')) || 'هیچ‌کس'}`,
      kind === 'anonymous'
        ? 'بخواهید در سرور کاربری بسازند که فقط اجازهٔ خواندن دارد و نام آن را زیر `user` بنویسید.'
        : 'این نوع کاربر را در سرور مجاز کنید یا نوع دیگری پیکربندی کنید.',
    ),
  offers: (mode, policy) =>
    tell(mode === 'none' ? 'ارتباط بدون امنیت را ارائه می‌کند' : `\`${mode}\` با \`${policy}\` را ارائه می‌کند`),
  certificateUnreadable: () => tell('گواهی خوانایی نشان نمی‌دهد', 'بخواهید برای سرور گواهی بسازند.'),
  certificateNotApproved: (thumbprint, file) =>
    tell(
      `گواهی آن تأیید نشده است: \`SHA-256 ${thumbprint}\``,
      'آن را با آنچه خود سرور نشان می‌دهد مقایسه کنید.',
      `اگر یکی بود: \`payesh-agent trust -c ${file}\``,
    ),
  certificate: (until) => tell(`گواهی آن تأیید شده و تا \`${until}\` معتبر است`),
  certificateEnds: (until, days, file) =>
    tell(
      days < 0
        ? `اعتبار گواهی آن در \`${until}\` تمام شده است`
        : `اعتبار گواهی آن ${f.count(days)} روز دیگر، در \`${until}\`، تمام می‌شود`,
      `بخواهید در سرور گواهی تازه بسازند و سپس آن را تأیید کنید: \`payesh-agent trust -c ${file}\``,
    ),
  session: () => tell('نشست باز می‌شود و می‌تواند بخواند'),
  noSession: (reason, why) =>
    tell(
      `نشست باز نمی‌شود: ${foreign(reason)}`,
      why === 'login'
        ? 'نام و گذرواژه و اجازهٔ خواندن را با سرور مقایسه کنید.'
        : why === 'not-trusted'
          ? 'گواهی payesh-agent را در سرور تأیید کنید: بیشتر سرورها گواهی‌های ناشناس را در فهرست ردشده‌ها نگه می‌دارند.'
          : 'دلیل را در گزارش خود سرور ببینید؛ شاید نشست آزاد کم دارد.',
    ),

  passwordUnreadable: (reason, agent) =>
    tell(
      `گذرواژهٔ عامل خوانده نمی‌شود: ${foreign(reason)}`,
      `هاب آن را می‌سازد: \`payesh-hub agent add ${agent}\`؛ آن را در جایی که \`broker.password\` می‌گوید بگذارید.`,
    ),
  brokerLetsIn: (agent) => tell(`بروکر \`${agent}\` را راه می‌دهد`),
  brokerRefuses: (reason, agent) =>
    tell(
      `بروکر راه نمی‌دهد: ${foreign(reason)}`,
      `بخواهید در هاب گذرواژهٔ تازه بسازند و آن را در جایی که \`broker.password\` می‌گوید بگذارید: \`payesh-hub agent renew ${agent}\``,
      `ببینید هاب اصلاً عاملی به نام \`${agent}\` می‌شناسد یا نه.`,
    ),
  brokerNotBelieved: (reason) =>
    tell(
      `گواهی بروکر پذیرفته نمی‌شود: ${foreign(reason)}`,
      'گواهی مرجع صدور را از مسئول هاب بگیرید و عامل را با `NODE_EXTRA_CA_CERTS=<file>` راه‌اندازی کنید.',
    ),
  brokerOther: (reason) => tell(`بروکر: ${foreign(reason)}`, 'از مسئول هاب بخواهید گزارش بروکر را ببیند.'),

  well: () => 'همه چیز خوب است.',
  needsPerson: (count) => `${f.count(count)} مورد رسیدگی می‌خواهد.`,
});

const whoseFa = { hub: 'هاب', server: 'سرور' };
