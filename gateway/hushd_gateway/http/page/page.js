// The page at hushd's HTTP address: speak, listen, read a recording, and what runs. All text is put by textContent.
const RATE = 24000; // Hz, of speech and of the microphone
const AHEAD_S = 40; // of speech that is received before it is heard; the gateway waits a minute for who does not read
const LEAF = 30000; // UTF-16 units of text that are shown while it is spoken
const LOOK_MS = 2000; // between two looks at what runs
const $ = (id) => document.getElementById(id);

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function note(place, words, wrong = false) {
  if ($(`${place}-note`).textContent !== words) $(`${place}-note`).textContent = words; // or it is read aloud again
  $(`${place}-note`).classList.toggle('wrong', wrong);
}

// --- requests ----------------------------------------------------------------------------------------------------------

class Failure extends Error {} // its message is for the reader

async function call(path, options = {}) {
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
  return String(answer?.error?.message || `hushd cannot do this now (status ${response.status}): try again in a moment.`);
}

function post(path, body, signal) {
  return call(path, { method: 'POST', signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

// What is under way by its name, and ends when the page is hidden; of two with the same name the later one counts.
const underWay = new Map();

async function attempt(name, work, place = name) {
  end(name, 'replaced');
  const ending = new AbortController();
  underWay.set(name, ending);
  try {
    await work(ending.signal);
  } catch (error) {
    explain(place, error, ending.signal);
  } finally {
    if (underWay.get(name) === ending) underWay.delete(name);
  }
}

function explain(place, error, signal) {
  if (signal.reason === 'hidden') note(place, 'This ended when the page was hidden.');
  else if (signal.aborted) return;
  else if (error instanceof Failure) note(place, error.message, true);
  else note(place, 'The connection to hushd broke off: try again.', true);
}

function end(name, reason) {
  underWay.get(name)?.abort(reason);
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ; ) {
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
    note('token', refused ? 'That is not hushd’s token.' : 'It is kept until this tab is closed.', Boolean(refused));
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

function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// --- speak -------------------------------------------------------------------------------------------------------------

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
    samples.forEach((sample, place) => (channel[place] = sample / 32768));
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
      const place = (unit) => Math.max(0, Math.min(unit - this.base, this.node.length));
      range.setStart(this.node, place(span.first));
      range.setEnd(this.node, place(span.last));
      CSS.highlights?.set(kind, new Highlight(range));
      if (kind === 'word') this.scroll(range);
    }
  }

  scroll(range) {
    const [word, box] = [range.getBoundingClientRect(), $('reading').getBoundingClientRect()];
    if (word.bottom > box.bottom - 8 || word.top < box.top) $('reading').scrollTop += word.top - box.top - box.height / 3;
  }

  close() {
    CSS.highlights?.clear();
  }
}

function wanted() {
  return { input: $('text').value, voice: $('voice').value || undefined, speed: Number($('speed').value) };
}

let player = null; // of the speech that is heard

async function speak(signal) {
  const request = wanted();
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
  $('speak').textContent = on ? 'Stop' : 'Speak';
  $('reading').style.height = `${$('text').offsetHeight || $('reading').offsetHeight}px`;
  $('text').hidden = on;
  $('reading').hidden = !on;
  if (on && had === $('text')) $('reading').focus();
  if (!on && had === $('reading')) $('text').focus();
}

async function saveSpeech(signal) {
  const request = wanted();
  if (!request.input.trim()) throw new Failure('Write something to speak first.');
  note('speak', 'The file is being made …');
  const response = await post('v1/audio/speech', { ...request, response_format: 'mp3' }, signal);
  save('speech.mp3', await response.blob(), 'audio/mpeg');
  note('speak', '');
}

async function listVoices() {
  const { voices } = await (await call('v1/audio/voices')).json();
  const languages = new Intl.DisplayNames(['en'], { type: 'language' });
  const named = (tag) => {
    try {
      return languages.of(tag);
    } catch {
      return tag;
    }
  };
  const groups = Map.groupBy(voices, (voice) => voice.language);
  $('voice').replaceChildren(
    ...[...groups].map(([tag, some]) =>
      make('optgroup', { label: named(tag) }, ...some.map(({ id }) => make('option', { value: id, textContent: id }))),
    ),
  );
  $('speak').disabled = $('save-speech').disabled = !voices.length;
  if (!voices.length) note('speak', 'No voice is installed: run pip install "hushd[tts]", and reload this page.', true);
}

const toggleSpeaking = () => ($('reading').hidden ? attempt('speak', speak) : stopSpeaking());
$('speak').onclick = toggleSpeaking;
$('save-speech').onclick = () => attempt('save', saveSpeech, 'speak');
$('speed').oninput = () => ($('speed-shown').textContent = Number($('speed').value).toFixed(2));
$('speak').closest('section').onkeydown = (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) toggleSpeaking();
  if (event.key === 'Escape' && !$('reading').hidden) stopSpeaking();
};

// --- listen ------------------------------------------------------------------------------------------------------------

async function openMicrophone() {
  if (!navigator.mediaDevices) {
    throw new Failure('The browser gives the microphone only to pages of this machine or behind https://: open hushd at 127.0.0.1.');
  }
  const audio = { channelCount: 1, autoGainControl: true, echoCancellation: true, noiseSuppression: false };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const refused = error.name === 'NotAllowedError';
    throw new Failure(
      refused ? 'The microphone was refused: allow it for this page in the address bar.' : 'There is no microphone: connect one.',
    );
  }
}

async function capture(stream) {
  let context = new AudioContext({ sampleRate: RATE });
  let source;
  try {
    source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  } catch { // some browsers do not convert the microphone's rate
    context.close();
    context = new AudioContext();
    source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  }
  await context.audioWorklet.addModule('microphone.js');
  const node = new AudioWorkletNode(context, 'microphone', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
  source.connect(node);
  return { context, port: node.port };
}

async function openSocket(signal) {
  const protocols = ['realtime'];
  if (sessionStorage.getItem('token')) { // a token may have letters that no subprotocol has; a secret has none
    const made = await post('v1/realtime/client_secrets', { session: { type: 'transcription' } }, signal);
    protocols.push(`openai-insecure-api-key.${(await made.json()).value}`);
  }
  const address = new URL('v1/realtime?intent=transcription', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  return new WebSocket(address, protocols);
}

const base64 = (samples) => btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));

async function listen(signal) {
  setListening(true);
  note('listen', 'Waiting for the microphone …');
  let stream, microphone, socket;
  try {
    stream = await openMicrophone();
    microphone = await capture(stream);
    signal.throwIfAborted();
    const waiting = []; // events, while there is no connection
    const flush = () => waiting.splice(0).forEach((event) => socket.send(JSON.stringify(event)));
    microphone.port.onmessage = ({ data }) => {
      $('level').style.transform = `scaleX(${Math.sqrt(data.peak)})`;
      waiting.push({ type: 'input_audio_buffer.append', audio: base64(data.samples) });
      // What comes back behind the second update is all that was said.
      if (data.last) {
        waiting.push({ type: 'input_audio_buffer.commit' }, { type: 'session.update', session: {} });
        microphone.port.onmessage = null;
      }
      if (socket?.readyState === WebSocket.OPEN) flush();
    };
    note('listen', 'Speak now.');
    socket = await openSocket(signal);
    await transcribe(socket, microphone, (first) => waiting.unshift(first) && flush(), signal);
    note('listen', '');
  } finally {
    socket?.close();
    microphone?.context.close();
    stream?.getTracks().forEach((track) => track.stop());
    $('hearing').replaceChildren();
    $('level').style.transform = 'scaleX(0)';
    setListening(false);
  }
}

let finish = () => {}; // ends the sound; what was said is still transcribed

function transcribe(socket, microphone, begin, signal) {
  const unfinished = new Set(); // items that were committed
  let updates = 0;
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    finish = () => {
      note('listen', 'The last words …');
      microphone.port.postMessage('last');
    };
    socket.onopen = () => {
      const input = {
        format: { type: 'audio/pcm', rate: microphone.context.sampleRate },
        transcription: { unstable: true },
        turn_detection: { type: 'server_vad', silence_duration_ms: 700 },
      };
      begin({ type: 'session.update', session: { audio: { input } } });
    };
    socket.onclose = () => reject(new Failure('The connection to hushd broke off: press Listen again.'));
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      const kind = event.type.split('.').pop();
      if (kind === 'unstable') showHearing(event);
      if (kind === 'committed') unfinished.add(event.item_id);
      if (kind === 'completed') {
        unfinished.delete(event.item_id);
        showHeard(event.transcript);
      }
      if (kind === 'failed' || (kind === 'error' && event.error.code !== 'input_audio_buffer_commit_empty')) {
        reject(new Failure(event.error.message));
      }
      if (kind === 'updated') updates++;
      if (updates > 1 && !unfinished.size) resolve();
    };
  });
}

function showHearing({ stable, text }) {
  $('hearing').replaceChildren(stable, make('span', { className: 'unstable', textContent: text }));
}

function showHeard(text) {
  $('hearing').replaceChildren();
  if (!text.trim()) return;
  $('heard').append(make('p', { textContent: text }));
  $('copy-heard').disabled = $('clear-heard').disabled = false;
}

function setListening(on) {
  $('listen').classList.toggle('on', on);
  $('listen').textContent = on ? 'Stop' : 'Listen';
}

const heardText = () => [...$('heard').children].map((each) => each.textContent).join('\n');
$('listen').onclick = () => (underWay.has('listen') ? finish() : attempt('listen', listen));
$('copy-heard').onclick = () =>
  navigator.clipboard.writeText(heardText()).then(
    () => note('listen', 'Copied.'),
    () => note('listen', 'The browser does not let this page copy: select the text.', true),
  );
$('clear-heard').onclick = () => {
  $('heard').replaceChildren();
  $('copy-heard').disabled = $('clear-heard').disabled = true;
};

// --- read a recording --------------------------------------------------------------------------------------------------

const recording = { file: null, segments: [], end: 0, interrupted: false };

function clock(seconds) {
  const [hours, rest] = [Math.floor(seconds / 3600), Math.floor(seconds) % 3600];
  const text = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, '0')}`;
  return hours ? `${hours}:${text.padStart(5, '0')}` : text;
}

function choose(file) {
  if (!file) return;
  URL.revokeObjectURL($('sound').src);
  recording.file = file;
  $('file-name').textContent = file.name || 'A recording';
  $('sound').src = URL.createObjectURL(file);
  $('sound').hidden = false;
  attempt('read', read);
}

async function read(signal) {
  Object.assign(recording, { segments: [], interrupted: false });
  $('segments').replaceChildren();
  $('segments').hidden = $('saves').hidden = true;
  $('progress').hidden = $('stop-reading').hidden = false;
  $('progress').removeAttribute('value');
  note('read', 'Reading …');
  try {
    await transcript(signal);
    const speakers = new Set(recording.segments.map((segment) => segment.speaker)).size;
    const who = speakers > 1 ? `, ${speakers} speakers` : '';
    note('read', recording.segments.length ? `${clock(recording.segments.at(-1).end)}${who}. A sentence plays when it is pressed.` : 'Nothing was said in it.');
  } finally {
    recording.interrupted = signal.reason === 'hidden';
    $('progress').hidden = $('stop-reading').hidden = true;
    $('saves').hidden = !recording.segments.length;
  }
}

// With speakers as they come; where nothing tells speakers apart, the sentences alone.
async function transcript(signal) {
  const ask = (fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', recording.file, 'recording');
    return call('v1/audio/transcriptions', { method: 'POST', body, signal });
  };
  try {
    for await (const event of events(await ask({ response_format: 'diarized_json', stream: 'true' }))) {
      if (event.type === 'transcript.text.segment') addSegment(event);
    }
  } catch (error) {
    if (!(error instanceof Failure) || !/diariz|speakers/i.test(error.message) || recording.segments.length) throw error;
    const { segments } = await (await ask({ response_format: 'verbose_json' })).json();
    segments.forEach(addSegment);
  }
}

function addSegment({ start, end, text, speaker = '' }) {
  const segment = { start, end, speaker, text: text.trim() };
  recording.segments.push(segment);
  const button = make(
    'button', { type: 'button' },
    make('time', { textContent: clock(start), dateTime: `PT${start.toFixed(2)}S` }),
    make('b', { textContent: speaker, title: speaker && `Speaker ${speaker}` }),
    make('span', { textContent: segment.text }),
  );
  button.onclick = () => hear(segment);
  segment.button = button;
  $('segments').append(make('li', {}, button));
  $('segments').hidden = $('saves').hidden = false;
  const all = $('sound').duration;
  if (Number.isFinite(all)) $('progress').value = Math.min(1, end / all);
}

function hear({ start, end }) {
  recording.end = end;
  $('sound').currentTime = start;
  $('sound').play().catch(() => note('read', 'The browser cannot play this kind of file: listen to it elsewhere.', true));
}

$('sound').ontimeupdate = () => {
  const now = $('sound').currentTime;
  if (recording.end && now >= recording.end) {
    $('sound').pause();
    recording.end = 0;
  }
  for (const { start, end, button } of recording.segments) button.ariaCurrent = String(now >= start && now < end);
};
$('sound').onseeking = () => {
  if (Math.abs($('sound').currentTime - recording.end) > 3600) recording.end = 0;
};

const named = ({ speaker, text }) => {
  const several = new Set(recording.segments.map((segment) => segment.speaker)).size > 1;
  return several ? `${speaker}: ${text}` : text;
};

function cue(seconds, point) {
  const milliseconds = Math.round(seconds * 1000);
  const parts = [milliseconds / 3600000, (milliseconds / 60000) % 60, (milliseconds / 1000) % 60];
  const time = parts.map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');
  return `${time}${point}${String(milliseconds % 1000).padStart(3, '0')}`;
}

const times = ({ start, end }, point) => `${cue(start, point)} --> ${cue(end, point)}`;
const oneLine = (segment) => named(segment).replace(/\s+/g, ' ').replaceAll('-->', '->');
const escaped = (segment) => oneLine(segment).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const FORMS = {
  txt: ['text/plain', (segments) => segments.map((each) => `${named(each)}\n`).join('')],
  srt: ['application/x-subrip', (segments) => segments.map((each, place) => `${place + 1}\n${times(each, ',')}\n${oneLine(each)}\n\n`).join('')],
  vtt: ['text/vtt', (segments) => `WEBVTT\n\n${segments.map((each) => `${times(each, '.')}\n${escaped(each)}\n\n`).join('')}`],
  json: ['application/json', (segments) => JSON.stringify(segments.map(({ button, ...each }) => each), null, 2)],
};

$('saves').onclick = ({ target }) => {
  if (!(target.dataset.form in FORMS)) return;
  const [type, render] = FORMS[target.dataset.form];
  const stem = (recording.file.name || 'recording').replace(/\.[^.]*$/, '') || 'recording';
  save(`${stem}.${target.dataset.form}`, render(recording.segments), type);
};
$('stop-reading').onclick = () => {
  end('read');
  note('read', 'Stopped.');
};
$('file').onchange = () => choose($('file').files[0]);
const section = $('read-section');
section.ondragover = (event) => {
  event.preventDefault();
  $('drop').classList.add('over');
};
section.ondragleave = () => $('drop').classList.remove('over');
section.ondrop = (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  choose(event.dataTransfer.files[0]);
};

// --- what runs ---------------------------------------------------------------------------------------------------------

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

async function watch() {
  clearTimeout(timer);
  await attempt('runs', look);
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(watch, LOOK_MS);
}

const sum = (sizes) => Object.values(sizes).reduce((total, size) => total + size, 0);
const total = (moment) => moment.supervisor_mb + sum(moment.workers_mb);
const size = (megabytes) => [`${Math.round(megabytes)}`, make('small', { textContent: ' MB' })];

function showFigures({ status, memory }) {
  const now = memory.moments.at(-1);
  $('held').replaceChildren(...size(total(now)));
  $('rival').replaceChildren(...size(now.never_unloaded_mb));
  const { rss_mb: gateway } = status.door?.gateway ?? {};
  const besides = gateway ? ` The program that serves this page has ${Math.round(gateway)} MB, and leaves after you do.` : '';
  $('means').textContent = `On average over ${clock(memory.end - memory.start)}: ${Math.round(memory.mean_mb)} MB, against ${Math.round(memory.never_unloaded_mean_mb)} MB.${besides}`;
}

function shape(name, attributes, parent, title = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (title) shape('title', {}, element).textContent = title;
  parent.append(element);
  return element;
}

const FADES = [0.9, 0.6, 0.4, 0.25];

function draw({ start, end, moments, events, workers }) {
  const chart = $('chart');
  const [width, height, left, bottom] = [chart.clientWidth, chart.clientHeight, 48, 34];
  const [floor, ceiling] = [height - bottom, 8];
  const top = roundUp(Math.max(1, ...moments.map((moment) => Math.max(total(moment), moment.never_unloaded_mb))));
  const x = (time) => left + ((time - start) / (end - start || 1)) * (width - left);
  const y = (megabytes) => floor - (megabytes / top) * (floor - ceiling);
  chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
  chart.replaceChildren();
  for (const value of [0, top / 2, top]) {
    shape('line', { x1: left, x2: width, y1: y(value), y2: y(value), class: value ? 'grid' : 'base' }, chart);
    shape('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, chart).textContent = value === top ? `${value} MB` : value;
  }
  const steps = (values) => {
    const points = moments.flatMap(({ time }, place) => [[time, values[place]], [moments[place + 1]?.time ?? end, values[place]]]);
    return points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`);
  };
  const names = workers.map((worker) => worker.name);
  const series = [['supervisor', moments.map((moment) => moment.supervisor_mb)]];
  series.push(...names.map((name) => [name, moments.map((moment) => moment.workers_mb[name] ?? 0)]));
  let below = moments.map(() => 0);
  series.forEach(([, values], place) => {
    const above = values.map((value, at) => value + below[at]);
    const look = place ? { class: 'area', 'fill-opacity': FADES[(place - 1) % FADES.length] } : { class: 'supervisor' };
    shape('polygon', { points: [...steps(above), ...steps(below).reverse()].join(' '), ...look }, chart);
    below = above;
  });
  shape('polyline', { points: steps(moments.map((moment) => moment.never_unloaded_mb)).join(' '), class: 'rival' }, chart);
  for (const { time, event, name } of events.slice(-200)) {
    const [place, sign] = event === 'start' ? [floor + 5, '0,0 4,7 -4,7'] : [floor + 13, '0,7 4,0 -4,0'];
    shape('polygon', { points: sign, transform: `translate(${x(time).toFixed(1)} ${place})`, class: event }, chart, `${event} of ${name}`);
  }
  const day = { hour: '2-digit', minute: '2-digit' };
  shape('text', { x: left, y: height - 1 }, chart).textContent = new Date(start * 1000).toLocaleTimeString([], day);
  shape('text', { x: width, y: height - 1, 'text-anchor': 'end' }, chart).textContent = 'now';
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
    entry('supervisor', 'supervisor'),
    ...names.map((name, place) => entry(name, 'area', { 'fill-opacity': FADES[place % FADES.length] })),
    entry('a server that never unloads', 'rival'),
  );
}

function showWorkers(workers) {
  const rows = workers.toSorted((one, other) => Boolean(other.pid) - Boolean(one.pid)).map((worker) => {
    const rest = worker.expires_in_s;
    const cells = [
      worker.name,
      worker.state,
      worker.pid ? `${Math.round(worker.pss_mb || worker.rss_mb || 0)} MB` : '–',
      !worker.pid || rest == null ? '–' : rest < 0 ? 'never' : clock(rest),
      worker.starts ?? 0,
    ];
    return make('tr', { className: worker.pid ? worker.state : 'gone' }, ...cells.map((textContent) => make('td', { textContent })));
  });
  const nothing = make('tr', { className: 'gone' }, make('td', { colSpan: 5, textContent: 'None: nothing is awake but the supervisor.' }));
  $('workers').replaceChildren(...(rows.length ? rows : [nothing]));
}

const shown = new Set();

function showNews(events) {
  const words = { start: 'started', exit: 'has left' };
  for (const { time, event, name } of events.slice(-8)) {
    const key = `${time} ${event} ${name}`;
    if (shown.has(key)) continue;
    shown.add(key);
    const when = make('time', { textContent: new Date(time * 1000).toLocaleTimeString() });
    $('news').prepend(make('li', {}, when, `${name} ${words[event]}`));
  }
  while ($('news').children.length > 8) $('news').lastChild.remove();
}

document.querySelectorAll('input[name=since]').forEach((input) => (input.onchange = watch));
addEventListener('resize', () => last && draw(last.memory));

// --- hidden and shown --------------------------------------------------------------------------------------------------

function hide() {
  clearTimeout(timer);
  for (const ending of underWay.values()) ending.abort('hidden');
}

function show() {
  watch();
  if (!$('voice').options.length) attempt('voices', listVoices, 'speak');
  if (recording.interrupted) attempt('read', read);
}

document.addEventListener('visibilitychange', () => (document.hidden ? hide() : show()));
addEventListener('pagehide', hide);
addEventListener('pageshow', ({ persisted }) => persisted && show());
if (!document.hidden) show();
