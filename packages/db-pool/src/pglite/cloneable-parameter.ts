/**
 * A parameter as the thread takes it: structured cloning would refuse or undress objects of classes. Objects are
 * for columns of JSON; dates, bytes and arrays cross as they are.
 */
export const cloneable = (value: unknown): unknown =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !ArrayBuffer.isView(value)
    ? JSON.stringify(value)
    : value
