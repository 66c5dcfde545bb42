/** How the export of one product is read. Columns that are not named here are read as without a preset. */
export interface Preset {
  readonly title: string;
  /** Columns that hold the id that the product knows people by; the first that is there is taken. */
  readonly ids: readonly string[];
  /** What to say where none is there. */
  readonly withoutId: string;
  /** Fields by column; null leaves the column out. */
  readonly columns: Readonly<Record<string, string | null>>;
  /** Columns that hold several values, by what divides them; they become texts divided by commas, as `has` reads them. */
  readonly lists?: Readonly<Record<string, string>>;
  /** Whether an apostrophe in front of a cell is none of it: it keeps spreadsheets from reading a number. */
  readonly apostrophes?: boolean;
  /** Words that make a column one of booleans. */
  readonly booleans?: readonly string[];
  /** First columns whose texts make up `name` where no column does. */
  readonly nameOf?: readonly string[];
  /** Lines that are no rows. */
  readonly notRows?: RegExp;
}

const byEmail = 'match people by their address with the key `email`';

/** One table of all presets. What people opted out of is mapped in the sense that the product gives the column. */
export const presets = {
  mailchimp: {
    title: 'Mailchimp',
    ids: [],
    withoutId: `an export of Mailchimp has no id of your product; ${byEmail}`,
    columns: {
      'Email Address': 'email',
      'First Name': 'first_name',
      'Last Name': 'last_name',
      Address: 'address',
      'Phone Number': 'phone',
      Birthday: 'birthday',
      MEMBER_RATING: 'member_rating',
      OPTIN_TIME: 'optin_time',
      OPTIN_IP: 'optin_ip',
      CONFIRM_TIME: 'confirm_time',
      CONFIRM_IP: 'confirm_ip',
      LATITUDE: 'latitude',
      LONGITUDE: 'longitude',
      GMTOFF: 'gmtoff',
      DSTOFF: 'dstoff',
      TIMEZONE: 'timezone',
      CC: 'country_code',
      REGION: 'region',
      LAST_CHANGED: 'last_changed',
      LEID: 'mailchimp_leid',
      EUID: 'mailchimp_euid',
      NOTES: 'notes',
      TAGS: 'tags',
      UNSUB_TIME: 'unsubscribed',
      UNSUB_REASON: 'unsubscribe_reason',
      UNSUB_REASON_OTHER: 'unsubscribe_reason_other',
      CLEAN_TIME: 'suppressed',
    },
    lists: { TAGS: ',' },
    apostrophes: true,
    nameOf: ['First Name', 'Last Name'],
  },
  hubspot: {
    title: 'HubSpot',
    ids: [],
    withoutId: `an export of HubSpot has no id of your product; ${byEmail}, or take HubSpot's own id from \`Record ID\``,
    columns: {
      'Record ID': 'hubspot_id',
      'First Name': 'first_name',
      'Last Name': 'last_name',
      Email: 'email',
      'Phone Number': 'phone',
      'Contact owner': 'contact_owner',
      'Create Date': 'hubspot_created_at',
      'Create Date (GMT)': 'hubspot_created_at',
      'Lifecycle Stage': 'lifecycle_stage',
      'Number of Employees': 'number_of_employees',
      'Annual Revenue': 'annual_revenue',
      'Products of interest': 'products_of_interest',
      'Marketing contact status': 'subscribed',
      'Unsubscribed from all email': 'unsubscribed',
    },
    lists: { 'Products of interest': ';' },
    nameOf: ['First Name', 'Last Name'],
  },
  intercom: {
    title: 'Intercom',
    ids: ['User ID'],
    withoutId: `this export of Intercom has no column \`User ID\`; ${byEmail}`,
    columns: {
      Name: 'name',
      Email: 'email',
      Owner: 'owner',
      Phone: 'phone',
      'First seen': 'intercom_first_seen_at',
      'Signed up': 'signed_up_at',
      'Last seen': 'intercom_last_seen_at',
      'Last contacted': 'intercom_last_contacted_at',
      'Web sessions': 'web_sessions',
      City: 'city',
      Country: 'country',
      Timezone: 'timezone',
      'Unsubscribed from emails': 'unsubscribed',
      'Marked email as spam': 'suppressed',
      'Has hard bounced': 'suppressed',
      Tags: 'tags',
      id: 'intercom_id',
      // The same as the columns above, in seconds since 1970.
      last_seen: null,
      created_at: null,
    },
    lists: { Tags: ',' },
    booleans: ['true', 'false'],
  },
  stripe: {
    title: 'Stripe',
    ids: ['user_id (metadata)'],
    withoutId: `this export of Stripe has no column \`user_id (metadata)\`; ${byEmail}, or take Stripe's own id from \`id\``,
    columns: {
      id: 'stripe_customer_id',
      Description: 'stripe_description',
      Email: 'email',
      Name: 'name',
      'Created (UTC)': 'stripe_created_at',
      Delinquent: 'delinquent',
      'Card Last4': 'card_last4',
      Currency: 'currency',
      'Total Spend': 'total_spend',
      'Payment Count': 'payment_count',
      'Average Order': 'average_order',
    },
  },
  shopify: {
    title: 'Shopify',
    ids: ['Customer ID'],
    withoutId: `this export of Shopify has no column \`Customer ID\`; ${byEmail}`,
    columns: {
      'First Name': 'first_name',
      'Last Name': 'last_name',
      Email: 'email',
      'Accepts Email Marketing': 'subscribed',
      'Default Address Company': 'address_company',
      'Default Address Address1': 'address1',
      'Default Address City': 'city',
      'Default Address Zip': 'zip',
      'Default Address Phone': 'address_phone',
      Phone: 'phone',
      'Accepts SMS Marketing': 'accepts_sms_marketing',
      'Total Spent': 'total_spent',
      'Total Orders': 'total_orders',
      Note: 'note',
      'Tax Exempt': 'tax_exempt',
      Tags: 'tags',
    },
    lists: { Tags: ',' },
    apostrophes: true,
    booleans: ['yes', 'no'],
    nameOf: ['First Name', 'Last Name'],
  },
  salesforce: {
    title: 'Salesforce',
    ids: [],
    withoutId: `an export of Salesforce has no id of your product; ${byEmail}, or take Salesforce's own id from \`Contact ID\``,
    columns: {
      Id: 'salesforce_id',
      'Contact ID': 'salesforce_id',
      'Lead ID': 'salesforce_lead_id',
      'Account ID': 'company_id',
      AccountId: 'company_id',
      'Account Name': 'account_name',
      Name: 'name',
      'First Name': 'first_name',
      FirstName: 'first_name',
      'Last Name': 'last_name',
      LastName: 'last_name',
      Email: 'email',
      Title: 'title',
      Phone: 'phone',
      Mobile: 'mobile',
      'Lead Source': 'lead_source',
      'Mailing City': 'city',
      'Mailing Country': 'country',
      'Created Date': 'salesforce_created_at',
      CreatedDate: 'salesforce_created_at',
      'Last Activity': 'salesforce_last_activity',
      'Email Opt Out': 'unsubscribed',
      HasOptedOutOfEmail: 'unsubscribed',
    },
    nameOf: ['First Name', 'Last Name', 'FirstName', 'LastName'],
    notRows: /^(?:Copyright \(c\) .*salesforce|Confidential Information - Do Not Distribute|Generated By: )/i,
  },
  google_contacts: {
    title: 'Google Contacts',
    ids: [],
    withoutId: `an export of Google Contacts has no id of your product; ${byEmail}`,
    columns: {
      Name: 'name',
      'Given Name': 'first_name',
      'Family Name': 'last_name',
      'First Name': 'first_name',
      'Last Name': 'last_name',
      'Organization Name': 'organization',
      'Organization 1 - Name': 'organization',
      'Organization Title': 'job_title',
      'Organization 1 - Title': 'job_title',
      Birthday: 'birthday',
      Notes: 'notes',
      Photo: null,
      Labels: 'labels',
      'Group Membership': 'labels',
      'E-mail 1 - Value': 'email',
      'E-mail 1 - Label': null,
      'E-mail 1 - Type': null,
      'Phone 1 - Value': 'phone',
      'Phone 1 - Label': null,
      'Phone 1 - Type': null,
    },
    lists: { Labels: ':::', 'Group Membership': ':::' },
    nameOf: ['First Name', 'Last Name', 'Given Name', 'Family Name'],
  },
  customerio: {
    title: 'Customer.io',
    ids: ['id'],
    withoutId: `this export of Customer.io has no column \`id\`; ${byEmail}`,
    columns: {
      email: 'email',
      created_at: 'signed_up_at',
      cio_id: 'cio_id',
      unsubscribed: 'unsubscribed',
      _last_visit: 'last_visit',
      _relationships: 'relationships',
    },
  },
  postgres: {
    title: 'a Postgres dump',
    ids: ['user_id', 'id'],
    withoutId: 'the dump has neither a column `user_id` nor `id`; say which one holds the id',
    columns: {
      id: 'database_id',
      created_at: 'signed_up_at',
      updated_at: 'database_updated_at',
      first_seen: 'first_seen_at',
      last_seen: 'last_seen_at',
      last_contacted_at: 'contacted_at',
    },
    booleans: ['t', 'f'],
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const presetNames: readonly PresetName[] = Object.keys(presets).filter(isPresetName);

function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}
