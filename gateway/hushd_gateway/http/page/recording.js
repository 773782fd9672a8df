// Read a recording: a transcript with speakers, to hear sentence by sentence and to keep.
import { $, Failure, attempt, call, clock, coded, end, events, make, note, save, t } from './common.js';
import { doubt, hearing } from './languages.js';

const recording = { file: null, segments: [], subtitles: {}, end: 0, interrupted: false };

function choose(file) {
  if (!file) return;
  URL.revokeObjectURL($('sound').src);
  recording.file = file;
  $('file-name').textContent = file.name || t('A recording');
  $('sound').src = URL.createObjectURL(file);
  $('sound').hidden = false;
  attempt('read', read);
}

async function read(signal) {
  const chosen = hearing('read');
  Object.assign(recording, { segments: [], subtitles: {}, interrupted: false });
  $('segments').replaceChildren();
  $('segments').hidden = $('saves').hidden = true;
  $('progress').hidden = $('stop-reading').hidden = false;
  $('progress').removeAttribute('value');
  note('read', 'Reading …');
  $('read-brings').textContent = '';
  try {
    await transcript(chosen, signal);
    const speakers = new Set(recording.segments.map((segment) => segment.speaker)).size;
    const who = speakers > 1 ? t(', {speakers} speakers', { speakers }) : '';
    note(
      'read',
      recording.segments.length
        ? `${clock(recording.segments.at(-1).end)}${who}. ${t('Click a sentence to hear it.')}`
        : t('Nothing was said in it.'),
    );
  } finally {
    recording.interrupted = signal.reason === 'hidden';
    $('progress').hidden = $('stop-reading').hidden = true;
    showSaves();
  }
}

// With speakers as they come; where nothing tells speakers apart, the sentences alone.
async function transcript(chosen, signal) {
  const ask = (fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries({ subtitles: 'true', ...chosen, ...fields })) body.append(name, value);
    body.append('file', recording.file, 'recording');
    return call('v1/audio/transcriptions', { method: 'POST', body, signal });
  };
  try {
    for await (const event of events(await ask({ response_format: 'diarized_json', stream: 'true' }))) {
      if (event.type === 'transcript.text.segment') addSegment(event);
      if (event.type === 'transcript.text.done') finish(event);
    }
  } catch (error) {
    const untold = error instanceof Failure && /diariz|speakers/i.test(error.message);
    if (!untold || recording.segments.length) throw error;
    const answer = await (await ask({ response_format: 'verbose_json' })).json();
    answer.segments.forEach(addSegment);
    finish(answer);
  }
}

// What is known at the end: files of subtitles, and the stretches whose text is probably wrong.
function finish({ subtitles = {}, unlikely = [], warnings = [] }) {
  recording.subtitles = subtitles;
  for (const segment of recording.segments) {
    if (unlikely.some(({ start, end }) => start <= segment.start && segment.start < end)) mark(segment);
  }
  $('read-brings').replaceChildren(...warnings.flatMap(({ message }) => coded(`${message} `)));
}

function mark(segment) {
  if (segment.unlikely) return;
  segment.unlikely = true;
  const text = segment.button.lastChild;
  text.className = 'unlikely';
  segment.button.append(doubt());
}

function addSegment({ start, end, text, speaker = '', unlikely }) {
  const segment = { start, end, speaker, text: text.trim() };
  recording.segments.push(segment);
  const button = make(
    'button',
    { type: 'button' },
    make('time', { textContent: clock(start), dateTime: `PT${start.toFixed(2)}S` }),
    make('b', { textContent: speaker, title: speaker && t('Speaker {speaker}', { speaker }) }),
    make('span', { textContent: segment.text }),
  );
  button.onclick = () => hear(segment);
  segment.button = button;
  $('segments').append(make('li', {}, button));
  if (unlikely) mark(segment);
  $('segments').hidden = false;
  showSaves();
  const all = $('sound').duration;
  if (Number.isFinite(all)) $('progress').value = Math.min(1, end / all);
}

function hear({ start, end }) {
  recording.end = end;
  $('sound').currentTime = start;
  $('sound')
    .play()
    .catch(() => note('read', 'The browser cannot play this kind of file: listen to it elsewhere.', true));
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

const line = ({ speaker, text, unlikely }) => {
  const several = new Set(recording.segments.map((segment) => segment.speaker)).size > 1;
  return `${several ? `${speaker}: ` : ''}${unlikely ? '[unlikely] ' : ''}${text}`;
};

const plain = ({ start, end, speaker, text, unlikely }) => ({ start, end, speaker, text, unlikely });

// Subtitles are the files that `listen` writes, and come with the last of the text.
const FORMS = {
  txt: ['text/plain', (segments) => segments.map((each) => `${line(each)}\n`).join('')],
  srt: ['application/x-subrip', () => recording.subtitles.srt],
  vtt: ['text/vtt', () => recording.subtitles.vtt],
  json: ['application/json', (segments) => JSON.stringify(segments.map(plain), null, 2)],
};

function showSaves() {
  $('saves').hidden = !recording.segments.length;
  for (const button of $('saves').querySelectorAll('[data-form]')) {
    button.hidden = button.dataset.form in { srt: 0, vtt: 0 } && !recording.subtitles[button.dataset.form];
  }
}

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
for (const name of ['read-language', 'read-model']) {
  $(name).addEventListener('change', () => recording.file && attempt('read', read));
}
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

// Reads again what the hiding of the page interrupted.
export function resume() {
  if (recording.interrupted) attempt('read', read);
}
