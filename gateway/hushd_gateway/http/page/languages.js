// Languages and models: what each section hears or speaks, and what “hushd get” would bring.
import { $, Failure, attempt, call, coded, codeOf, languageName, make, note } from './common.js';
import { reader, remember, remembered, t } from './common.js';

const HEARING = ['listen', 'read']; // sections that hear
let models = []; // that hear, the usual one first
let obtainable = []; // languages that “hushd get” brings

const option = (value, textContent) => make('option', { value, textContent });
const hears = (model, code) => model.language.some((tag) => codeOf(tag) === code);

// Fills a select with the languages that are here by their names, the reader's own first, and those that “hushd get”
// would bring.
export function fillLanguages(select, any, here, does) {
  const own = obtainable.filter((each) => each.own).map(({ language }) => language);
  const first = [...own, ...navigator.languages.map(codeOf)].reverse();
  const byName = (codes) => codes.map((code) => [languageName(code), code, first.lastIndexOf(code)]);
  const sorted = (rows) => rows.sort(([one, , rank], [other, , its]) => its - rank || one.localeCompare(other, reader));
  const options = (codes) => sorted(byName(codes)).map(([name, code]) => option(code, name));
  const more = obtainable.filter((each) => each[does] && !here.includes(each.language));
  const group = make('optgroup', { label: t('by hushd get') }, ...options(more.map(({ language }) => language)));
  select.replaceChildren(option('', any), ...options(here), ...(more.length ? [group] : []));
  restore(select);
}

// Chooses what was chosen last, if it is still there.
export function restore(select) {
  const last = remembered(select.id);
  if ([...select.options].some(({ value, disabled }) => value === last && !disabled)) select.value = last;
}

// The sentence on a language that nothing here hears or speaks; empty for any other.
export function lacking(code, here, does) {
  const brought = obtainable.find(({ language }) => language === code)?.[does];
  if (!code || here.includes(code) || !brought) return '';
  const { model, size_mb: size, memory_mb: memory } = brought;
  const nothing =
    does === 'hearing'
      ? 'Nothing here hears {language}: `hushd get {code}` brings {costs}.'
      : 'Nothing here speaks {language}: `hushd get {code}` brings {costs}.';
  const costs = size ? '{model}, {size} MB to fetch and {memory} MB of memory' : '{model}, {memory} MB of memory';
  return t(nothing, { language: languageName(code), code, costs: t(costs, { model, size, memory }) });
}

let obtaining = null;

export function obtain() {
  const asked = async () => (obtainable = (await (await call('v1/languages')).json()).languages);
  obtaining ??= asked().catch((error) => {
    obtaining = null;
    throw error;
  });
  return obtaining;
}

const heard = () =>
  [...new Set(models.flatMap(({ language }) => language.map(codeOf)))].filter((code) => code !== 'und');

async function showHearing() {
  const path = 'v1/models?task=automatic-speech-recognition';
  models = (await (await call(path)).json()).data.filter(({ language }) => language);
  await obtain();
  for (const section of HEARING) {
    fillLanguages($(`${section}-language`), t('As spoken'), heard(), 'hearing');
    showModels(section);
  }
}

function showModels(section) {
  const [language, select] = [$(`${section}-language`).value, $(`${section}-model`)];
  const named = models.map((model) => {
    const only = model.language.length === 1 && model.language[0] !== 'und';
    const what = only ? languageName(model.language[0]) : t('{count} languages', { count: model.language.length });
    return Object.assign(option(model.id, `${model.id} (${what})`), { disabled: language && !hears(model, language) });
  });
  select.replaceChildren(option('', t('The usual one')), ...named);
  restore(select);
  $(`${section}-brings`).replaceChildren(...coded(lacking(language, heard(), 'hearing')));
}

// The fields of a request that hears, by the section's choices.
export function hearing(section) {
  const [language, model] = [$(`${section}-language`).value, $(`${section}-model`).value];
  if (lacking(language, heard(), 'hearing')) throw new Failure('Choose a language that is heard here.');
  return { ...(language && { language }), ...(model && { model }) };
}

// The mark at a text that is probably wrong; why, and what to do, is the answer's warning.
export const doubt = () => make('small', { className: 'mark', textContent: t('probably not what was said') });

export function listHearing() {
  if (!$('listen-language').options.length) attempt('hearing', showHearing, 'listen');
}

for (const section of HEARING) {
  $(`${section}-language`).onchange = ({ target }) => {
    remember(target.id, target.value);
    showModels(section);
    note(section, '');
  };
  $(`${section}-model`).onchange = ({ target }) => remember(target.id, target.value);
}
