/** A broadcast as plain as can be, and one that asks of people whatever can be asked. Everybody is in the audience of both. */
const plain = {
  audience: { '==': [{ var: 'custom:plan' }, 'pro'] },
  channel: 'log',
  message: { text: 'Hello {{ name|there }}' },
};

export const kinds = {
  plain,
  'zones, quiet hours, a cap, two variants': {
    audience: plain.audience,
    channel: 'log',
    topic: 'news',
    variants: [
      { key: 'a', percent: 50, message: { text: 'Hello {{ name }}' } },
      { key: 'b', percent: 50, message: { text: 'You are on {{ custom:plan }}' } },
    ],
    quiet_hours: { from: '21:00', to: '08:00', zone: 'person' },
    frequency_caps: [{ messages: 3, per: [7, 'days'] }],
  },
} as const;
