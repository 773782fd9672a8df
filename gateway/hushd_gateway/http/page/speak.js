// Speak: a text is heard while it is made, with its words marked, or kept as a file.
import { $, Failure, attempt, call, coded, codeOf, end, events, explain, languageName, make, note } from './common.js';
import { post, remember, save, t } from './common.js';
import { fillLanguages, lacking, obtain, restore } from './languages.js';

const RATE = 24000; // Hz
const AHEAD_S = 40; // of speech that is received before it is heard; the gateway waits a minute for who does not read
const LEAF = 30000; // UTF-16 units of text that are shown while it is spoken

// Plays pieces of speech one after the other; `position` is the second of the speech that is heard.
class Player {
  constructor() {
    this.context = new AudioContext({ sampleRate: RATE });
    this.pieces = []; // { at: second of the context, from: second of the speech, seconds }
    this.made = 0;
    this.free = 0; // second of the context from which nothing is planned
  }

  add(data) {
    const samples = new Int16Array(data.buffer, 0, data.length >> 1);
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    const channel = buffer.getChannelData(0);
    samples.forEach((sample, index) => (channel[index] = sample / 32768));
    const source = new AudioBufferSourceNode(this.context, { buffer });
    const at = Math.max(this.free, this.context.currentTime + 0.05);
    source.connect(this.context.destination);
    source.start(at);
    this.pieces.push({ at, from: this.made, seconds: buffer.duration });
    this.free = at + buffer.duration;
    this.made += buffer.duration;
  }

  get ahead() {
    return this.free - this.context.currentTime;
  }

  get position() {
    const now = this.context.currentTime - (this.context.outputLatency || 0);
    while (this.pieces.length > 1 && this.pieces[1].at <= now) this.pieces.shift();
    const piece = this.pieces[0];
    return piece ? piece.from + Math.max(0, Math.min(now - piece.at, piece.seconds)) : 0;
  }

  // Waits until at most so many seconds are still to be heard.
  async until(seconds, signal) {
    while (this.context.state !== 'closed' && this.ahead > seconds) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, Math.min(200, (this.ahead - seconds) * 1000 + 10)));
    }
  }

  close() {
    if (this.context.state !== 'closed') this.context.close();
  }
}

// Marks the sentence and the word that are heard. Places come in code points, the page counts UTF-16 units.
class Reading {
  constructor(text) {
    this.node = document.createTextNode('');
    this.text = text;
    this.turn(0);
    this.spans = { sentence: [], word: [] };
    this.known = [0, 0]; // code points, UTF-16 units
    $('reading').replaceChildren(this.node);
  }

  add({ words, ...sentence }) {
    this.spans.sentence.push(this.placed(sentence));
    for (const word of words) this.spans.word.push(this.placed(word));
  }

  placed({ start, end, text_start: first, text_end: last }) {
    return { start, end, first: this.unit(first), last: this.unit(last) };
  }

  unit(point) {
    let [points, units] = point >= this.known[0] ? this.known : [0, 0];
    for (; points < point && units < this.text.length; points++) units += this.text.codePointAt(units) > 0xffff ? 2 : 1;
    this.known = [points, units];
    return units;
  }

  // Shows the text from about there: a browser lays out all that an element has, and a book takes it minutes.
  turn(first) {
    this.base = Math.max(0, first - 500);
    this.node.data = this.text.slice(this.base, this.base + LEAF);
  }

  show(position) {
    for (const [kind, spans] of Object.entries(this.spans)) {
      while (spans.length > 1 && spans[1].start <= position) spans.shift();
      const span = spans[0];
      if (!span || span.start > position || span === this[kind]) continue;
      this[kind] = span;
      if (span.last > this.base + LEAF) this.turn(span.first);
      const range = document.createRange();
      const offset = (unit) => Math.max(0, Math.min(unit - this.base, this.node.length));
      range.setStart(this.node, offset(span.first));
      range.setEnd(this.node, offset(span.last));
      CSS.highlights?.set(kind, new Highlight(range));
      if (kind === 'word') this.scroll(range);
    }
  }

  scroll(range) {
    const [word, box] = [range.getBoundingClientRect(), $('reading').getBoundingClientRect()];
    if (word.bottom > box.bottom - 8 || word.top < box.top)
      $('reading').scrollTop += word.top - box.top - box.height / 3;
  }

  close() {
    CSS.highlights?.clear();
  }
}

function speechRequest() {
  const [language, voice] = [$('voice-language').value, $('voice').value];
  if (lacking(language, spoken(), 'speaking')) throw new Failure('Choose a language that is spoken here.');
  const chosen = voice ? { voice } : language && { language };
  return { input: $('text').value, speed: Number($('speed').value), ...chosen };
}

let player = null; // of the speech that is heard

async function speak(signal) {
  const request = speechRequest();
  if (!request.input.trim()) throw new Failure('Write something to speak first.');
  const mine = (player = new Player());
  const reading = new Reading(request.input);
  let frame = 0;
  const follow = () => {
    reading.show(mine.position);
    frame = requestAnimationFrame(follow);
  };
  setSpeaking(true);
  note('speak', 'A voice is coming …');
  try {
    const body = { ...request, response_format: 'pcm', stream_format: 'sse', timeline: true };
    for await (const event of events(await post('v1/audio/speech', body, signal))) {
      if (event.type === 'speech.audio.sentence') reading.add(event);
      if (event.type !== 'speech.audio.delta') continue;
      mine.add(Uint8Array.from(atob(event.audio), (letter) => letter.charCodeAt(0)));
      note('speak', '');
      frame ||= requestAnimationFrame(follow);
      await mine.until(AHEAD_S, signal);
    }
    note('speak', '');
  } catch (error) {
    explain('speak', error, signal);
    throw error;
  } finally {
    await mine.until(0); // what has arrived is heard, unless it was stopped
    mine.close();
    cancelAnimationFrame(frame);
    reading.close();
    setSpeaking(false);
  }
}

function stopSpeaking() {
  end('speak', 'stopped');
  player?.close();
  note('speak', '');
}

function setSpeaking(on) {
  const had = document.activeElement;
  $('speak').classList.toggle('on', on);
  $('speak').textContent = t(on ? 'Stop' : 'Speak');
  $('reading').style.height = `${$('text').offsetHeight || $('reading').offsetHeight}px`;
  $('text').hidden = on;
  $('reading').hidden = !on;
  if (on && had === $('text')) $('reading').focus();
  if (!on && had === $('reading')) $('text').focus();
}

async function saveSpeech(signal) {
  const request = speechRequest();
  if (!request.input.trim()) throw new Failure('Write something to speak first.');
  note('speak', 'The file is being made …');
  const response = await post('v1/audio/speech', { ...request, response_format: 'mp3' }, signal);
  save('speech.mp3', await response.blob(), 'audio/mpeg');
  note('speak', '');
}

let voices = [];
const spoken = () => [...new Set(voices.map(({ language }) => codeOf(language)))];

// Names as people say them: “Heart” for af_heart, “Lessac” for en_US-lessac-medium, and eSpeak for all of its voices.
function named({ id, language, gender }, several) {
  const [, name] =
    id.match(/^[a-z]{2,3}_[A-Z]{2}-(.+?)-(?:x_low|low|medium|high)$/) ?? id.match(/^[a-z][fm]_(.+)$/) ?? [];
  const robot = id.startsWith('espeak-');
  const plain = robot ? t('eSpeak, a robot') : (name ?? id).replace(/^./, (letter) => letter.toUpperCase());
  return [plain, several && languageName(language), !robot && gender && t(gender)].filter(Boolean).join(', ');
}

async function showVoices() {
  ({ voices } = await (await call('v1/audio/voices')).json());
  await obtain();
  fillLanguages($('voice-language'), t('That of the text'), spoken(), 'speaking');
  showVoicesOf($('voice-language').value);
  $('speak').disabled = $('save-speech').disabled = !voices.length;
  if (!voices.length) note('speak', 'No voice is installed: run pip install "hushd[tts]", and reload this page.', true);
}

// The voices of a language, natural ones first; without one, none but the usual one of the text's own language.
function showVoicesOf(code) {
  const some = voices.filter(({ language }) => codeOf(language) === code);
  some.sort((one, other) => one.id.startsWith('espeak-') - other.id.startsWith('espeak-'));
  const several = new Set(some.map(({ language }) => language.toLowerCase())).size > 1;
  const names = some.map((voice) => named(voice, several));
  const told = (name, id) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${id})`);
  const options = some.map(({ id }, place) => make('option', { value: id, textContent: told(names[place], id) }));
  $('voice').replaceChildren(make('option', { value: '', textContent: t('The usual one') }), ...options);
  restore($('voice'));
  $('speak-brings').replaceChildren(...coded(lacking(code, spoken(), 'speaking')));
}

export function listVoices() {
  if (!$('voice-language').options.length) attempt('voices', showVoices, 'speak');
}

$('voice-language').onchange = ({ target }) => {
  remember(target.id, target.value);
  showVoicesOf(target.value);
};
$('voice').onchange = ({ target }) => remember(target.id, target.value);
const toggleSpeaking = () => ($('reading').hidden ? attempt('speak', speak) : stopSpeaking());
$('speak').onclick = toggleSpeaking;
$('save-speech').onclick = () => attempt('save', saveSpeech, 'speak');
$('speed').oninput = () => ($('speed-shown').textContent = Number($('speed').value).toFixed(2));
$('speak').closest('section').onkeydown = (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) toggleSpeaking();
  if (event.key === 'Escape' && !$('reading').hidden) stopSpeaking();
};
