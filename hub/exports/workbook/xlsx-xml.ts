/**
 * What the library cannot say yet and the format can: that sheets run from the right, that Persian is read from there, that
 * a chart's first day is on the right, that its grid is pale. It is written into the finished file.
 */
import { strFromU8, strToU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { FormatAlign } from 'wasm-xlsxwriter';

/** Of no use among single lines of text, so they stand for another thing until the end. */
export const fromTheRight = { top: FormatAlign.VerticalJustify, middle: FormatAlign.VerticalDistributed };

export function finishXml(file: Uint8Array, rightToLeft: boolean): Uint8Array<ArrayBuffer> {
  const parts: Zippable = {};
  for (const [name, content] of Object.entries(unzipSync(file))) {
    const change = changeOf(name, rightToLeft);
    parts[name] = change ? strToU8(change(strFromU8(content))) : content;
  }
  return zipSync(parts, { level: 6 });
}

function changeOf(name: string, rightToLeft: boolean): ((xml: string) => string) | undefined {
  if (name === 'xl/styles.xml') return persianText;
  if (name.startsWith('xl/charts/chart')) return (xml) => paleGrid(rightToLeft ? daysFromTheRight(xml) : xml);
  if (!rightToLeft || !name.startsWith('xl/worksheets/sheet')) return undefined;
  return (xml) => xml.replace('<sheetView ', '<sheetView rightToLeft="1" ');
}

const persianText = (xml: string): string =>
  xml
    .replaceAll('vertical="justify"', 'vertical="top" readingOrder="2"')
    .replaceAll('vertical="distributed"', 'vertical="center" readingOrder="2"');

const palePen = '<c:spPr><a:ln w="6350"><a:solidFill><a:srgbClr val="D9D9D9"/></a:solidFill></a:ln></c:spPr>';
const paleGrid = (xml: string): string =>
  xml.replaceAll('<c:majorGridlines/>', `<c:majorGridlines>${palePen}</c:majorGridlines>`);

const daysFromTheRight = (xml: string): string =>
  xml
    .replaceAll(/<c:catAx>.*?<\/c:catAx>/gs, (axis) => axis.replace('val="minMax"', 'val="maxMin"'))
    .replaceAll('lang="en-US"', 'lang="fa-IR"')
    .replace('<c:lang val="en-US"/>', '<c:lang val="fa-IR"/>');
