/** What a package says of how it is checked with tools that everybody has; the test does what stands here. */
import { manifestName, signatureName, signerName } from './manifest.ts';

export const packageReadmeName = 'README.txt';

const signature = `    base64 -d ${signatureName} > /tmp/signature.bin
    openssl pkeyutl -verify -pubin -inkey ${signerName} -rawin -in ${manifestName} -sigfile /tmp/signature.bin`;
const fingerprint = `    openssl pkey -pubin -in ${signerName} -outform DER | sha256sum`;
const files = `    awk -F'"' '$2=="name"{name=$4} $2=="sha256"{print $4"  "name}' ${manifestName} | sha256sum -c`;

export const packageReadme = `HOW TO CHECK THIS PACKAGE

In the folder of the unpacked files, with OpenSSL 3 and the usual tools of Linux:

1. The signature is of this manifest. The answer must be "Signature Verified Successfully".
${signature}

2. The key is the site's. The answer must be the fingerprint that the site has given you another way, on paper or by
   telephone; "payesh-hub export key" shows it there. Without this step you only know that nothing was changed since
   somebody signed.
${fingerprint}

3. The files are those that were signed. Each must be "OK".
${files}

4. There is nothing else: besides the files of step 3 only ${manifestName}, ${signatureName} and ${signerName}.

Where Payesh is installed, "payesh-hub export verify FILE.zip --fingerprint FINGERPRINT" does all four.
${manifestName} says of what site and month this is, whether it is official, and who asked for it.


این بسته را چگونه بررسی کنیم

در پوشهٔ فایل‌های بازشده، با OpenSSL 3 و ابزارهای معمول لینوکس:

۱. امضا از آنِ همین فهرست است. پاسخ باید «Signature Verified Successfully» باشد.
${signature}

۲. کلید از آنِ کارخانه است. پاسخ باید همان اثر انگشتی باشد که کارخانه از راهی دیگر (روی کاغذ یا تلفنی) به شما داده است؛
   آنجا «payesh-hub export key» آن را نشان می‌دهد. بدون این گام تنها می‌دانید که پس از امضا چیزی تغییر نکرده است.
${fingerprint}

۳. فایل‌ها همان‌هایی‌اند که امضا شده‌اند. جلوی هر کدام باید «OK» بیاید.
${files}

۴. چیز دیگری نیست: جز فایل‌های گام ۳ تنها ${manifestName} و ${signatureName} و ${signerName}.

هر جا پایش نصب باشد، «payesh-hub export verify FILE.zip --fingerprint FINGERPRINT» هر چهار گام را انجام می‌دهد.
${manifestName} می‌گوید بسته از کدام کارخانه و ماه است، رسمی است یا نه، و چه کسی آن را خواسته است.
`;
