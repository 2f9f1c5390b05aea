/** What runs with the owner's rights must find the owner's tables, whatever the caller has put in the way. */
export const fixSearchPath = (name: string): string => `do $$ begin
  execute format('alter function ${name}() set search_path = %I, pg_temp', current_schema());
end $$`
