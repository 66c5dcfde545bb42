/** Every whole JSON object that stands in a text. What has a word such as FIELD or `...` in it is no JSON. */
export function objectsIn(text: string): unknown[] {
  const found: unknown[] = [];
  for (let start = text.indexOf('{"'); start >= 0; start = text.indexOf('{"', start + 1)) {
    const end = endOf(text, start);
    const object: unknown = end === null ? undefined : jsonOf(text.slice(start, end));
    if (object === undefined) continue;
    found.push(object);
    start = end ?? start;
  }
  return found;
}

function endOf(text: string, start: number): number | null {
  let depth = 0;
  let inText = false;
  for (let at = start; at < text.length; at += 1) {
    if (inText) {
      if (text[at] === '\\') at += 1;
      else if (text[at] === '"') inText = false;
    } else if (text[at] === '"') inText = true;
    else if (text[at] === '{') depth += 1;
    else if (text[at] === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}

function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
