// What every section of the page uses: elements, notes, requests with the token, and work that ends when the page is hidden.
export const $ = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// A sentence in which commands stand between backticks.
export const coded = (words) =>
  words.split('`').map((part, place) => (place % 2 ? make('code', { textContent: part }) : part));

export function note(section, sentence, wrong = false) {
  const line = $(`${section}-note`);
  const words = t(sentence);
  if (line.textContent !== words.replaceAll('`', '')) line.replaceChildren(...coded(words)); // or it is read aloud again
  line.classList.toggle('wrong', wrong);
}

export function clock(seconds) {
  const [hours, rest] = [Math.floor(seconds / 3600), Math.floor(seconds) % 3600];
  const text = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, '0')}`;
  return hours ? `${hours}:${text.padStart(5, '0')}` : text;
}

export const codeOf = (tag) => tag.toLowerCase().split(/[-_]/)[0];

// The page's sentences are in English in its files, and in LANGUAGE.json in the reader's; en.json has only names of
// languages that browsers do not know.
const TRANSLATED = ['en', 'de', 'es', 'fr', 'it', 'pt'];
// The reader's language with its region, by which times are written, and its code, by which sentences are.
export const locale = navigator.languages.find((tag) => TRANSLATED.includes(codeOf(tag))) ?? 'en';
export const reader = codeOf(locale);
const words = (code) =>
  fetch(`${code}.json`)
    .then((answer) => answer.json())
    .catch(() => ({}));
const sentences = Object.assign({}, ...(await Promise.all([...new Set(['en', reader])].map(words))));

export const t = (sentence, values = {}) =>
  (sentences[sentence] ?? sentence).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);

{
  document.documentElement.lang = reader;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data } = texts.currentNode;
    if (data.trim() in sentences) texts.currentNode.data = data.replace(data.trim(), t(data.trim()));
  }
  for (const element of document.querySelectorAll('[aria-label]')) element.ariaLabel = t(element.ariaLabel);
}

const languages = new Intl.DisplayNames(locale, { type: 'language', fallback: 'none' });

// The name of a language, or of the wider one that has a name: an unknown dialect’s is that of its language.
export function languageName(tag) {
  let name;
  try {
    name = languages.of(tag);
  } catch {} // not a tag of BCP 47
  const wider = tag.replace(/-[^-]+$/, '');
  return name ?? sentences[tag] ?? (wider === tag ? tag : languageName(wider));
}

// What was chosen, from one visit to the next, where the browser keeps it.
export function remembered(name) {
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {} // in a private window
}

// An error whose message is for the reader.
export class Failure extends Error {
  constructor(sentence, values) {
    super(t(sentence, values));
  }
}

export async function call(path, options = {}) {
  const token = sessionStorage.getItem('token');
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Failure('hushd does not answer: see whether “hushd status” shows its HTTP address.');
  }
  if (response.status === 401) {
    await askForToken(token);
    return call(path, options);
  }
  if (!response.ok) throw new Failure(await reason(response));
  return response;
}

async function reason(response) {
  const answer = await response.json().catch(() => null);
  return String(
    answer?.error?.message || t('hushd cannot do this now (status {status}): try again in a moment.', response),
  );
}

export function post(path, body, signal) {
  return call(path, {
    method: 'POST',
    signal,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

// What is under way by its name, and ends when the page is hidden; of two with the same name the later one counts.
const underWay = new Map();

export async function attempt(name, work, section = name) {
  end(name, 'replaced');
  const ending = new AbortController();
  underWay.set(name, ending);
  try {
    await work(ending.signal);
  } catch (error) {
    explain(section, error, ending.signal);
  } finally {
    if (underWay.get(name) === ending) underWay.delete(name);
  }
}

export function explain(section, error, signal) {
  if (signal.reason === 'hidden') note(section, t('This ended when the page was hidden.'));
  else if (signal.aborted) return;
  else if (error instanceof Failure) note(section, error.message, true);
  else note(section, t('The connection to hushd broke off: try again.'), true);
}

export function end(name, reason) {
  underWay.get(name)?.abort(reason);
}

export function endAll(reason) {
  for (const ending of underWay.values()) ending.abort(reason);
}

export function isUnderWay(name) {
  return underWay.has(name);
}

export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const event = JSON.parse(part.slice('data: '.length));
      if (event.type === 'error') throw new Failure(event.error.message);
      yield event;
    }
  }
}

let asking = null;

async function askForToken(refused) {
  if (!asking && sessionStorage.getItem('token') !== refused) return; // another request has asked meanwhile
  asking ??= new Promise((resolve, reject) => {
    const dialog = $('token-dialog');
    note('token', t(refused ? 'That is not hushd’s token.' : 'It is kept until this tab is closed.'), Boolean(refused));
    $('token-form').onsubmit = (event) => {
      event.preventDefault();
      const token = $('token').value.trim();
      if (!/^[!-~]+$/.test(token)) return note('token', 'That is not hushd’s token.', true);
      sessionStorage.setItem('token', token);
      dialog.onclose = resolve; // not sooner: closing is told later, and would decline what is asked next
      dialog.close();
    };
    dialog.onclose = () => reject(new Failure('hushd needs its token: reload this page to enter it.'));
    $('token-cancel').onclick = () => dialog.close();
    $('token').value = '';
    dialog.showModal();
  }).then(() => (asking = null)); // once declined it stays so
  return asking;
}

export function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
