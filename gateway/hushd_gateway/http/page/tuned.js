// How well the models heard the user's own recordings: the last table of “hushd tune”, where there is one for this reader.
import { $, attempt, call, make } from './common.js';

const percent = (rate) => (100 * rate).toFixed(1);

export const showTuned = () =>
  attempt('tuned', async (signal) => {
    const { comparison } = await (await call('v1/tuned', { signal })).json();
    $('tuned').hidden = !comparison;
    if (comparison) show(comparison);
  });

function show({ time, about, models, differences, failed }) {
  const when = new Date(time * 1000).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  $('tuned-about').textContent = `${about}, ${when}.`;
  $('tuned-models').replaceChildren(...models.map(row));
  const left = Object.entries(failed).map(([model, why]) => `${model} was left out: ${why}`);
  $('tuned-words').replaceChildren(...[...differences, ...left].map((textContent) => make('li', { textContent })));
  $('tuned-wrong').replaceChildren(...models.filter(({ wrong }) => wrong.length).map(sentences));
}

function row({ model, rate, low, high, speed, first_s, memory_mb }) {
  const figures = [
    `${percent(rate)} %`,
    `${percent(low)}–${percent(high)}`,
    `${speed.toFixed(1)}×`,
    `${first_s.toFixed(2)} s`,
    `${Math.round(memory_mb)} MB`,
  ];
  const name = make('th', { scope: 'row', textContent: model });
  return make('tr', {}, name, ...figures.map((textContent) => make('td', { textContent })));
}

function sentences({ model, wrong, more }) {
  const items = wrong.map((marked) => make('li', { dir: 'auto' }, ...words(marked)));
  if (more) items.push(make('li', { className: 'hint', textContent: `and ${more} more` }));
  return make('div', {}, make('h3', { textContent: `${model} heard` }), make('ul', {}, ...items));
}

// "a [-said-]{+heard+} word" as text, deletions and insertions.
const words = (marked) =>
  marked.split(/(\[-.*?-\]|\{\+.*?\+\})/).map((part) => {
    const textContent = part.slice(2, -2);
    if (part.startsWith('[-')) return make('del', { textContent });
    return part.startsWith('{+') ? make('ins', { textContent }) : part;
  });
