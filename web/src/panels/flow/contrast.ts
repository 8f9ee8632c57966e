import type { Rgb } from '../../lib/color';

/** Black or white, whichever can be read better on a colour (WCAG 2.2's relative luminance). */
export function inkOn(rgb: Rgb): string {
  const [r, g, b] = rgb.map((v) => {
    const s = v / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? '#000000' : '#ffffff';
}
