/** The id of a delivery, as `muster_delivery_id` makes it in Postgres. */
export function deliveryId(base: string, number: number): string {
  return base.slice(0, 28) + number.toString(16).padStart(8, '0');
}
