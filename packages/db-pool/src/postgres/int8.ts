import type { CustomTypesConfig } from 'pg'
import { types } from 'pg'

import { INT8_OID, parseInt8 } from '../int8.ts'

/** Its types ask for a member of an enumeration of known types; any number will do. */
const parserOf: (oid: number, format?: 'text' | 'binary') => (value: never) => unknown = types.getTypeParser

/** node-postgres's types, with bigint columns as numbers. */
export const postgresTypes: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID && format !== 'binary' ? parseInt8 : parserOf(oid, format),
}
