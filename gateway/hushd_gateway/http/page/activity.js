// What runs: workers, their memory against a server that never unloads, starts and exits.
import { $, attempt, call, clock, locale, make, note, t } from './common.js';

const LOOK_MS = 2000; // between two looks

let timer = 0;
let last = null;

async function look(signal) {
  const since = document.querySelector('input[name=since]:checked').value;
  last = await (await call(`v1/activity?since=${since}`, { signal })).json();
  note('runs', '');
  showFigures(last);
  draw(last.memory);
  showWorkers(last.status.workers);
  showNews(last.memory.events);
}

export async function watch() {
  clearTimeout(timer);
  await attempt('runs', look);
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(watch, LOOK_MS);
}

// Whether a model that hears is still being loaded.
export const loads = () =>
  last?.status.workers.some(({ name, state }) => name.startsWith('stt/') && /waiting|starting/.test(state));

export function rest() {
  clearTimeout(timer);
}

const sum = (sizes) => Object.values(sizes).reduce((total, size) => total + size, 0);
const total = (moment) => moment.supervisor_mb + sum(moment.workers_mb);
const size = (megabytes) => [`${Math.round(megabytes)}`, make('small', { textContent: ' MB' })];

function showFigures({ status, memory }) {
  const now = memory.moments.at(-1);
  $('held').replaceChildren(...size(total(now)));
  $('rival').replaceChildren(...size(now.never_unloaded_mb));
  const { rss_mb: gateway } = status.door?.gateway ?? {};
  const { microphone, wake = [] } = status.floor;
  const ears = [
    microphone && t('{client} listens', microphone),
    ...wake.map((each) => t('{client} listens in the background', each)),
  ];
  const open = ears.filter(Boolean).join(', ');
  const time = clock(memory.end - memory.start);
  const [mean, rival, served] = [memory.mean_mb, memory.never_unloaded_mean_mb, gateway].map(Math.round);
  const means = [t('On average over {time}: {mean} MB, against {rival} MB.', { time, mean, rival })];
  if (served)
    means.push(t('The program that serves this page has {size} MB, and leaves after you do.', { size: served }));
  if (open) means.push(t('The microphone is open: {open}.', { open }));
  $('means').textContent = means.join(' ');
}

function shape(name, attributes, parent, title = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (title) shape('title', {}, element).textContent = title;
  parent.append(element);
  return element;
}

// A worker keeps its colour while the page is open: hues a golden angle apart, so that no two are the same.
const colours = new Map();
const colour = (name) => {
  if (!colours.has(name)) colours.set(name, `hsl(${Math.round(14 + colours.size * 137.508) % 360} 58% 52%)`);
  return colours.get(name);
};

function draw({ start, end, moments, events }) {
  const chart = $('chart');
  const [width, height, left, bottom] = [chart.clientWidth, chart.clientHeight, 48, 34];
  const [floor, ceiling] = [height - bottom, 8];
  const highest = moments.map((moment) => Math.max(total(moment), moment.never_unloaded_mb));
  const top = roundUp(Math.max(1, ...highest));
  const x = (time) => left + ((time - start) / (end - start || 1)) * (width - left);
  const y = (megabytes) => floor - (megabytes / top) * (floor - ceiling);
  chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
  chart.replaceChildren();
  for (const value of [0, top / 2, top]) {
    shape('line', { x1: left, x2: width, y1: y(value), y2: y(value), class: value ? 'grid' : 'base' }, chart);
    shape('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, chart).textContent =
      value === top ? `${value} MB` : value;
  }
  const steps = (values) => {
    const points = moments.flatMap(({ time }, index) => [
      [time, values[index]],
      [moments[index + 1]?.time ?? end, values[index]],
    ]);
    return points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`);
  };
  const names = [...new Set(moments.flatMap(({ workers_mb }) => Object.keys(workers_mb)))];
  const series = [['supervisor', moments.map((moment) => moment.supervisor_mb)]];
  series.push(...names.map((name) => [name, moments.map((moment) => moment.workers_mb[name] ?? 0)]));
  let below = moments.map(() => 0);
  series.forEach(([name, values], index) => {
    const above = values.map((value, at) => value + below[at]);
    const look = index ? { class: 'area', fill: colour(name) } : { class: 'supervisor' };
    shape('polygon', { points: [...steps(above), ...steps(below).reverse()].join(' '), ...look }, chart);
    below = above;
  });
  shape(
    'polyline',
    { points: steps(moments.map((moment) => moment.never_unloaded_mb)).join(' '), class: 'rival' },
    chart,
  );
  for (const { time, event, name } of events.slice(-200)) {
    const [level, sign] = event === 'start' ? [floor + 5, '0,0 4,7 -4,7'] : [floor + 13, '0,7 4,0 -4,0'];
    shape(
      'polygon',
      { points: sign, transform: `translate(${x(time).toFixed(1)} ${level})`, class: event },
      chart,
      `${name}: ${t(WORDS[event])}`,
    );
  }
  const day = { hour: '2-digit', minute: '2-digit' };
  shape('text', { x: left, y: height - 1 }, chart).textContent = new Date(start * 1000).toLocaleTimeString(locale, day);
  shape('text', { x: width, y: height - 1, 'text-anchor': 'end' }, chart).textContent = t('now');
  showLegend(names);
}

// The next of 1, 2, 4, 5, 10 and the like times a power of ten.
function roundUp(value) {
  const scale = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 6, 8, 10].map((step) => step * scale).find((step) => step >= value);
}

function showLegend(names) {
  const key = JSON.stringify(names);
  if ($('legend').dataset.key === key) return;
  $('legend').dataset.key = key;
  const entry = (words, kind, look = {}) => {
    const item = make('li');
    const sign = shape('svg', { viewBox: '0 0 14 10', 'aria-hidden': 'true' }, item);
    if (kind === 'rival') shape('line', { x1: 0, x2: 14, y1: 5, y2: 5, class: kind }, sign);
    else shape('rect', { width: 10, height: 10, class: kind, ...look }, sign);
    item.append(words);
    return item;
  };
  $('legend').replaceChildren(
    entry(t('supervisor'), 'supervisor'),
    ...names.map((name) => entry(name, 'area', { fill: colour(name) })),
    entry(t('a server that never unloads'), 'rival'),
  );
}

function showWorkers(workers) {
  const rows = workers
    .toSorted((one, other) => Boolean(other.pid) - Boolean(one.pid))
    .map((worker) => {
      const rest = worker.expires_in_s;
      const cells = [
        worker.name,
        t(worker.state),
        worker.pid ? `${Math.round(worker.pss_mb || worker.rss_mb || 0)} MB` : '–',
        !worker.pid || rest == null ? '–' : rest < 0 ? t('never') : clock(rest),
        worker.starts ?? 0,
      ];
      return make(
        'tr',
        { className: worker.pid ? worker.state : 'gone' },
        ...cells.map((textContent) => make('td', { textContent })),
      );
    });
  const nothing = make(
    'tr',
    { className: 'gone' },
    make('td', { colSpan: 5, textContent: t('None: nothing is awake but the supervisor.') }),
  );
  $('workers').replaceChildren(...(rows.length ? rows : [nothing]));
}

const WORDS = { start: 'started', exit: 'has left' };
const shown = new Set();

function showNews(events) {
  for (const { time, event, name } of events.slice(-8)) {
    const key = `${time} ${event} ${name}`;
    if (shown.has(key)) continue;
    shown.add(key);
    const when = make('time', { textContent: new Date(time * 1000).toLocaleTimeString(locale) });
    $('news').prepend(make('li', {}, when, `${name} ${t(WORDS[event])}`));
  }
  while ($('news').children.length > 8) $('news').lastChild.remove();
}

document.querySelectorAll('input[name=since]').forEach((input) => (input.onchange = watch));
addEventListener('resize', () => last && draw(last.memory));
