/** What all charts share: text that is safe in SVG, numbers that are the same on every machine, colours for light and dark. */

/** Wong's palette for the colour-blind ("Points of view: Color blindness", 2011), then five to tell more series apart. */
const colours = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#8c6bb1',
  '#a6761d',
  '#66a61e',
  '#7f7f7f',
  '#a50f5b',
] as const;

/** Markers are what tells series apart in print; as their number has no divisor in common with that of the colours, no pair comes twice. */
const markers = ['circle', 'square', 'triangle', 'diamond', 'cross', 'ring', 'tick'] as const;

export function colourOf(series: number): string {
  return colours[series % colours.length]!;
}

/** The marker of a series at a place, in its colour. */
export function marker(series: number, x: number, y: number): string {
  const colour = colourOf(series);
  const at = (dx: number, dy: number) => `${digits(x + dx)},${digits(y + dy)}`;
  switch (markers[series % markers.length]!) {
    case 'circle':
      return `<circle cx="${digits(x)}" cy="${digits(y)}" r="3.5" fill="${colour}"/>`;
    case 'ring':
      return `<circle class="open" cx="${digits(x)}" cy="${digits(y)}" r="3.5" stroke="${colour}"/>`;
    case 'square':
      return `<path d="M${at(-3, -3)}L${at(3, -3)}L${at(3, 3)}L${at(-3, 3)}Z" fill="${colour}"/>`;
    case 'triangle':
      return `<path d="M${at(0, -4.5)}L${at(4, 3)}L${at(-4, 3)}Z" fill="${colour}"/>`;
    case 'diamond':
      return `<path d="M${at(0, -4.5)}L${at(4.5, 0)}L${at(0, 4.5)}L${at(-4.5, 0)}Z" fill="${colour}"/>`;
    case 'cross':
      return `<path class="line" d="M${at(-3.5, -3.5)}L${at(3.5, 3.5)}M${at(-3.5, 3.5)}L${at(3.5, -3.5)}" stroke="${colour}"/>`;
    default:
      return `<path class="line" d="M${at(0, -4.5)}L${at(0, 4.5)}" stroke="${colour}"/>`;
  }
}

/** A whole drawing with its own ground: an image in a page does not know whether that page is dark. */
export function drawing(title: string, width: number, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(title)}">
<style>
svg{font:12px system-ui,sans-serif}
.ground{fill:#fff}text{fill:#24292f}.axis{stroke:#8c959f;fill:none}.grid{stroke:#d8dee4;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.open{fill:#fff;stroke-width:2}.title{font-weight:600;font-size:14px}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}.axis{stroke:#7d8590}.grid{stroke:#30363d}.open{fill:#0d1117}}
</style>
<rect class="ground" width="${width}" height="${height}"/>
${text(width / 2, 20, title, 'middle', 'class="title"')}
${parts.join('\n')}
</svg>
`;
}

export type Anchor = 'start' | 'middle' | 'end';

export function text(x: number, y: number, content: string, anchor: Anchor = 'start', more = ''): string {
  const rest = more === '' ? '' : ` ${more}`;
  return `<text x="${digits(x)}" y="${digits(y)}" text-anchor="${anchor}"${rest}>${escapeText(content)}</text>`;
}

/** A polyline; breaks where `undefined` stands. */
export function path(points: readonly (readonly [number, number] | undefined)[]): string {
  let pen = 'M';
  let all = '';
  for (const point of points) {
    if (point === undefined) pen = 'M';
    else {
      all += `${pen}${digits(point[0])},${digits(point[1])}`;
      pen = 'L';
    }
  }
  return all;
}

/** At most two digits after the point. */
export function digits(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A value beside an axis: `10 000`, `0.05`. */
export function label(value: number): string {
  const [whole, fraction] = String(Number(value.toPrecision(6))).split('.');
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** About as wide as the text is drawn, in pixels: SVG cannot measure, and the legend has to be laid out. */
export function widthOf(content: string): number {
  return content.length * 6.6;
}

function escapeText(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
