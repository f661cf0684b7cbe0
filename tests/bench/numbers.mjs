export const sorted = (values) => [...values].sort((a, b) => a - b);
export const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))];
export function median(values) {
  const all = sorted(values);
  const half = all.length >> 1;
  return all.length % 2 === 1 ? all[half] : (all[half - 1] + all[half]) / 2;
}

// The steepest growth between neighbours of [{ size, cpuMs }], as an exponent: 1 is linear, 2 is quadratic.
export function steepest(points, value = 'cpuMs') {
  const sizes = sorted(new Set(points.map((point) => point.size)));
  const at = (size) => median(points.filter((point) => point.size === size).map((point) => point[value]));
  return Math.max(...sizes.slice(1).map((size, index) => Math.log(at(size) / at(sizes[index])) / Math.log(size / sizes[index])));
}
