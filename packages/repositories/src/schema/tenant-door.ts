/** The role that tenant sessions run as; row-level security holds for it, while it does not for the owner of the tables. */
export const TENANT_ROLE = 'mreg_tenant'

/** The setting that holds the tenant of a tenant session. */
export const TENANT_SETTING = 'mreg.tenant_id'
