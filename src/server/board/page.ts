import type { ParkedDelivery, QueueView } from '../../automation/index.js';
import { Html, html } from '../html.js';
import { styled } from '../page.js';

/** Ages in milliseconds after which they are shown as a finding. */
const tooOld = { canary: 30_000, due: 60_000, outbox: 60_000 };

export interface Board {
  readonly workspaceId: string;
  readonly queue: QueueView;
  readonly parked: readonly ParkedDelivery[];
  /** Whether there are more parked deliveries than those. */
  readonly more: boolean;
  /** When it was read. */
  readonly at: Date;
}

/** The board as a page that loads itself anew every ten seconds. */
export function boardPage({ workspaceId, queue, parked, more, at }: Board): string {
  const { outbox, canary_age_ms: canary } = queue;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="refresh" content="10" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Queues · ${workspaceId} · Muster</title>
        ${styled}
      </head>
      <body>
        <h1>Queues of ${workspaceId}</h1>
        <p class="dim">
          ${at.toISOString()}, read from Postgres, which is the queue of record; what is enqueued waits in
          Redis.
        </p>
        <table>
          <tr>
            <th>canary</th>
            <th>not yet taken in</th>
            <th>oldest of it</th>
            <th>given up at the entrance</th>
          </tr>
          <tr>
            <td>${aged(canary, tooOld.canary, 'none yet')}</td>
            <td>${outbox.waiting}</td>
            <td>${aged(outbox.oldest_ms, tooOld.outbox, '-')}</td>
            <td>${marked(outbox.parked)}</td>
          </tr>
        </table>
        <h2>Series</h2>
        <table>
          <tr>
            <th>series</th>
            <th>state</th>
            ${numbers.map(([name]) => html`<th class="n">${name}</th>`)}
            <th class="n">oldest due</th>
          </tr>
          ${queue.series.map(
            (each) =>
              html`<tr>
                <td>${each.series}</td>
                <td>${each.state}</td>
                ${numbers.map(([, of, bad]) => html`<td class="n">${bad ? marked(of(each)) : of(each)}</td>`)}
                <td class="n">${aged(each.oldest_due_ms, tooOld.due, '-')}</td>
              </tr> `,
          )}${
            queue.series.length === 0
              ? html`<tr>
                  <td colspan="10" class="dim">nothing is under way</td>
                </tr>`
              : ''
          }
        </table>
        <h2>Broadcasts, by chunks of up to 500 people</h2>
        <table>
          <tr>
            <th>broadcast</th>
            <th>state</th>
            ${numbers.map(([name]) => html`<th class="n">${name}</th>`)}
            <th class="n">oldest due</th>
          </tr>
          ${queue.broadcasts.map(
            (each) =>
              html`<tr>
                <td>${each.broadcast} ${each.run}, ${each.recipients} people</td>
                <td>${each.state}</td>
                ${numbers.map(([, of, bad]) => html`<td class="n">${bad ? marked(of(each)) : of(each)}</td>`)}
                <td class="n">${aged(each.oldest_due_ms, tooOld.due, '-')}</td>
              </tr> `,
          )}${
            queue.broadcasts.length === 0
              ? html`<tr>
                  <td colspan="10" class="dim">nothing is under way</td>
                </tr>`
              : ''
          }
        </table>
        <h2>Deliveries that wait for a decision</h2>
        <table>
          <tr>
            <th>delivery</th>
            <th>state</th>
            <th>of</th>
            <th>person</th>
            <th>because</th>
            <th>resolve as</th>
          </tr>
          ${parked.map(
            (each) =>
              html`<tr>
                <td><code>${each.id}</code></td>
                <td>${each.state}</td>
                <td>
                  ${each.series === null ? `${each.broadcast}/${each.variant}` : `${each.series}/${each.step}`}
                </td>
                <td>${each.user_id ?? each.anonymous_id ?? ''}</td>
                <td>${each.error ?? ''}</td>
                <td>${each.resolvable_as.join(' ')}</td>
              </tr> `,
          )}${
            parked.length === 0
              ? html`<tr>
                  <td colspan="6" class="dim">none</td>
                </tr>`
              : ''
          }
        </table>
        <p class="dim">
          ${more ? 'There are more; GET /api/deliveries lists all. ' : ''}Decide with
          <code>muster deliveries resolve DELIVERY --as retry|delivered|skip --workspace ${workspaceId}</code>
          or POST /api/deliveries/DELIVERY/resolve.
        </p>
      </body>
    </html> `.text;
}

type Row = QueueView['series'][number] | QueueView['broadcasts'][number];
const numbers: readonly (readonly [name: string, of: (row: Row) => number, bad: boolean])[] = [
  ['later', (row) => row.later, false],
  ['due', (row) => row.due, false],
  ['enqueued', (row) => row.enqueued, false],
  ['claimed', (row) => row.claimed, false],
  ['held', (row) => row.held, false],
  ['unknown', (row) => row.unknown, true],
  ['failed', (row) => row.failed, true],
];

const marked = (count: number): Html =>
  count > 0 ? html`<span class="bad">${count}</span>` : html`${count}`;

function aged(milliseconds: number | null, limit: number, none: string): Html {
  if (milliseconds === null) return html`${none}`;
  const seconds = milliseconds / 1000;
  const text = seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
  return milliseconds > limit ? html`<span class="bad">${text}</span>` : html`${text}`;
}
