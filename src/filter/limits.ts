/** Bounds of the language. Each has its own error, so that a refusal says which one was met. */
export const limits = {
  /** Levels of nesting; a filter of one leaf has depth 1. */
  depth: 32,
  /** Nodes of the tree: `and`, `or`, `!` and leaves. Fields and literals are not counted. */
  nodes: 500,
  /** Segments inside segments: how many lie around the innermost. */
  segmentDepth: 8,
  /** Nodes that all segments of a filter bring in, those inside them included, as often as each stands there. */
  segmentNodes: 2000,
  /** Items of one list. */
  listItems: 10_000,
  /** Items of all lists, those of segments inside included, as often as each stands there. */
  items: 20_000,
  /** Items that one time counts for: readers resolve it in the zone, or read it as a day. */
  itemsOfTime: 20,
  /** UTF-8 bytes of one text, field names included. */
  textBytes: 1024,
  /** Amount of a relative time. */
  relativeAmount: 100_000,
  /** Problems reported for one filter; beyond it the report stops. */
  problems: 100,
} as const;
