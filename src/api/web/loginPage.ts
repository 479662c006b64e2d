import { html } from 'hono/html';

const STYLE = `
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4f5f7;
    color: #1f2430; font: 16px/1.5 system-ui, sans-serif; }
  main { background: #fff; padding: 2rem; border-radius: 8px; width: min(26rem, 90vw);
    box-shadow: 0 1px 4px rgb(0 0 0 / 15%); }
  h1 { margin: 0 0 1rem; font-size: 1.25rem; }
  label { display: block; margin-bottom: .25rem; font-weight: 600; }
  input { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit;
    border: 1px solid #9aa2b1; border-radius: 4px; }
  button { margin-top: 1rem; padding: .5rem 1.25rem; font: inherit; color: #fff;
    background: #2457c5; border: 0; border-radius: 4px; cursor: pointer; }
  .problem { padding: .5rem .75rem; background: #fdecea; border-left: 4px solid #c62828; }
  .hint { color: #5b6472; font-size: .875rem; }
`;

/** The page that asks for a token. `next` is where it leads to; `problem` says why it asks again. */
export function loginPage({ next, problem }: { next: string; problem?: string | undefined }) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>Sign in · Shadow Courier</title>
        <link rel="icon" href="data:," />
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main>
          <h1>Shadow Courier</h1>
          ${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
          <form method="post" action="/login">
            <input type="hidden" name="next" value="${next}" />
            <label for="token">Token</label>
            <input id="token" name="token" type="password" autocomplete="off" required autofocus />
            <button type="submit">Sign in</button>
          </form>
          <p class="hint">
            One out of API_TOKENS, one that createApiToken made, or one of a configured issuer.
          </p>
        </main>
      </body>
    </html>`;
}
