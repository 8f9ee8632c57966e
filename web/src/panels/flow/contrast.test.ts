import { expect, it } from 'vitest';
import { sequential } from '../../lib/color';
import { inkOn } from './contrast';

it('writes dark on light and light on dark', () => {
  expect(inkOn([250, 250, 250])).toBe('#000000');
  expect(inkOn([20, 20, 30])).toBe('#ffffff');
  expect(inkOn(sequential(1, 'likely', 'light'))).toBe('#ffffff');
  expect(inkOn(sequential(1, 'likely', 'dark'))).toBe('#000000');
});
