// The page at hushd's HTTP address: a module for each of its sections, asleep while nobody sees it. All text is put by textContent.
import { rest, watch } from './activity.js';
import { endAll } from './common.js';
import './listen.js';
import { listHearing } from './languages.js';
import { resume } from './recording.js';
import { listVoices } from './speak.js';

function hide() {
  rest();
  endAll('hidden');
}

function show() {
  watch();
  listVoices();
  listHearing();
  resume();
}

document.addEventListener('visibilitychange', () => (document.hidden ? hide() : show()));
addEventListener('pagehide', hide);
addEventListener('pageshow', ({ persisted }) => persisted && show());
if (!document.hidden) show();
