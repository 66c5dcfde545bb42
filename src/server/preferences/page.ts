import { createHash } from 'node:crypto';
import type { OpenedLink } from '../../automation/index.js';
import { Html, html } from '../html.js';

const style =
  'body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1.25rem;color:#1b1f24;background:#fff}' +
  'h1{font-size:1.5rem}h2,legend{font-size:1.1rem;font-weight:600;padding:0}fieldset{border:0;margin:1.5rem 0;padding:0}' +
  'label{display:block;padding:.35rem 0}input{width:1.1rem;height:1.1rem;margin:0 .6rem 0 0;vertical-align:-.15rem}' +
  'button{font:inherit;padding:.55rem 1.1rem;margin:.25rem .5rem .25rem 0;border:1px solid #1b1f24;border-radius:.4rem;background:#fff;color:#1b1f24;cursor:pointer}' +
  'button.first{background:#1b1f24;color:#fff}.done{border-left:.3rem solid #1a7f37;padding:.5rem 1rem;background:#eef7f0}' +
  ':focus-visible{outline:3px solid #0969da;outline-offset:2px}' +
  '@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}button{background:#0d1117;color:#e6edf3;border-color:#e6edf3}' +
  'button.first{background:#e6edf3;color:#0d1117}.done{background:#12261b;border-color:#3fb950}}';

// In one piece, because the hash below is of what stands between the tags, to the letter.
const styled = new Html(`<style>${style}</style>`);

/** No scripts and nothing from elsewhere; its forms lead back here. */
export const preferencesPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

/**
 * What somebody wants to hear of, as a page with forms that work without a script. It names the sender and the topics and
 * nobody's address: a link can be passed on.
 *
 * @param done what has just been done, in words; null where the page was only opened
 */
export function preferencesPage({ link, sender, preferences }: OpenedLink, done: string | null): string {
  const { subscribed, topics } = preferences;
  const here = topics.find(({ topic }) => topic === link.topic);
  const body = subscribed
    ? html`${here?.subscribed === true ? oneTopic(here.topic) : nothing}
        ${topics.length > 0 ? choice(topics) : nothing}
        <form method="post">
          <h2>Everything</h2>
          <p>
            <button class="${topics.length > 0 ? '' : 'first'}" name="action" value="unsubscribe_all">
              Unsubscribe from everything
            </button>
          </p>
        </form>`
    : html`<form method="post">
        <p>You are unsubscribed from everything.</p>
        <p><button class="first" name="action" value="subscribe_all">Subscribe again</button></p>
      </form>`;
  return page(
    `Messages from ${sender}`,
    html`<h1>Messages from ${sender}</h1>
      ${done === null ? nothing : html`<p class="done" role="status">${done}</p>`} ${body}`,
  );
}

/** For a link that nobody here signed. */
export function brokenLinkPage(): string {
  return page(
    'This link does not work',
    html`<h1>This link does not work</h1>
      <p>It is not whole. Open it once more from the message, or copy all of it.</p>`,
  );
}

const nothing = new Html('');

function oneTopic(topic: string): Html {
  return html`<form method="post">
    <p>
      <button class="first" name="action" value="unsubscribe_topic">Unsubscribe from ${spoken(topic)}</button>
    </p>
  </form>`;
}

function choice(topics: OpenedLink['preferences']['topics']): Html {
  return html`<form method="post">
    <fieldset>
      <legend>What do you want to hear of?</legend>
      ${topics.map(
        ({ topic, subscribed }) =>
          html`<input type="hidden" name="offered" value="${topic}" /><label
              ><input
                type="checkbox"
                name="topic"
                value="${topic}"
                ${subscribed ? new Html('checked') : nothing}
              />${spoken(topic)}</label
            >`,
      )}
    </fieldset>
    <p><button name="action" value="choose">Save</button></p>
  </form>`;
}

/** A topic as people read it: `product-news` is "product news". */
function spoken(topic: string): string {
  return topic.replaceAll(/[-_]+/g, ' ').trim();
}

function page(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${styled}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html>`.text;
}
