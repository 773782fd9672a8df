// Listen: the microphone's words, as they are said.
import { loads, watch } from './activity.js';
import { $, Failure, attempt, coded, isUnderWay, make, note, t } from './common.js';
import { doubt, hearing } from './languages.js';

const RATE = 24000; // Hz, where the browser converts the microphone's

async function openMicrophone() {
  if (!navigator.mediaDevices) {
    throw new Failure(
      'The browser gives the microphone only to pages of this machine or behind https://: open hushd at 127.0.0.1.',
    );
  }
  const audio = { channelCount: 1, autoGainControl: true, echoCancellation: true, noiseSuppression: false };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const refused = error.name === 'NotAllowedError';
    throw new Failure(
      refused
        ? t('The microphone was refused: allow it for this page in the address bar.')
        : t('There is no microphone: connect one.'),
    );
  }
}

async function capture(stream) {
  let context = new AudioContext({ sampleRate: RATE });
  let source;
  // Some browsers do not convert the microphone's rate.
  try {
    source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  } catch {
    context.close();
    context = new AudioContext();
    source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  }
  await context.audioWorklet.addModule('microphone.js');
  const node = new AudioWorkletNode(context, 'microphone', {
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: 'explicit',
  });
  source.connect(node);
  return { context, port: node.port };
}

function openSocket() {
  const protocols = ['realtime'];
  const token = sessionStorage.getItem('token');
  // A token may have letters that no subprotocol has.
  if (token) protocols.push(`hushd-token.${btoa(token).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')}`);
  const address = new URL('v1/realtime?intent=transcription', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  return new WebSocket(address, protocols);
}

const base64 = (samples) => btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));

async function listen(signal) {
  const chosen = hearing('listen');
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
    const ready = () =>
      note('listen', t(loads() ? 'Speak now: it is kept while the model is being loaded.' : 'Speak now.'));
    ready();
    socket = openSocket();
    telling = setInterval(ready, 500);
    setTimeout(watch, 500);
    await transcribe(socket, microphone, chosen, (first) => waiting.unshift(first) && flush(), signal);
    note('listen', '');
  } finally {
    clearInterval(telling);
    socket?.close();
    microphone?.context.close();
    stream?.getTracks().forEach((track) => track.stop());
    $('hearing').replaceChildren();
    $('level').style.transform = 'scaleX(0)';
    setListening(false);
  }
}

let telling = 0; // whether the model is being loaded
let finish = () => {}; // ends the sound; what was said is still transcribed

function transcribe(socket, microphone, chosen, begin, signal) {
  const unfinished = new Set(); // items that were committed
  let updates = 0;
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    finish = () => {
      clearInterval(telling);
      note('listen', 'The last words …');
      microphone.port.postMessage('last');
    };
    socket.onopen = () => {
      const input = {
        format: { type: 'audio/pcm', rate: microphone.context.sampleRate },
        transcription: { unstable: true, ...chosen },
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
        showHeard(event);
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

function showHeard({ transcript, warnings = [] }) {
  $('hearing').replaceChildren();
  if (!transcript.trim()) return;
  const unlikely = warnings.find(({ code }) => code === 'unlikely_text');
  const text = make('span', { textContent: transcript, className: unlikely ? 'unlikely' : '' });
  $('heard').append(make('p', {}, text, ...(unlikely ? [' ', doubt()] : [])));
  $('listen-brings').replaceChildren(...coded(unlikely?.message ?? ''));
  $('copy-heard').disabled = $('clear-heard').disabled = false;
}

function setListening(on) {
  $('listen').classList.toggle('on', on);
  $('listen').textContent = t(on ? 'Stop' : 'Listen');
}

const said = ({ className, textContent }) => (className ? `[unlikely] ${textContent}` : textContent);
const heardText = () => [...$('heard').querySelectorAll('span')].map(said).join('\n');
$('listen').onclick = () => (isUnderWay('listen') ? finish() : attempt('listen', listen));
$('copy-heard').onclick = () =>
  navigator.clipboard.writeText(heardText()).then(
    () => note('listen', 'Copied.'),
    () => note('listen', 'The browser does not let this page copy: select the text.', true),
  );
$('clear-heard').onclick = () => {
  $('heard').replaceChildren();
  $('copy-heard').disabled = $('clear-heard').disabled = true;
};
