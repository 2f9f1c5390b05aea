import { type Kysely, sql } from 'kysely'

/**
 * Makes the role of the tenant sessions, unless it is there, and lets the current user become it.
 *
 * Roles belong to the whole cluster and locks to one database, so several databases of a cluster may do this
 * at the same moment: whoever comes second finds the role made, or its own change in the way of another's,
 * and looks again.
 */
export const createTenantRole = async (kysely: Kysely<unknown>, role: string): Promise<void> => {
  const name = sql.lit(role)
  await sql`
    do $do$
    declare
      previous text := current_setting('role');
    begin
      for attempt in 1..20 loop
        begin
          if not exists (select from pg_catalog.pg_roles where rolname = ${name}) then
            create role ${sql.id(role)} nologin;
          end if;
          begin
            perform set_config('role', ${name}, true);
            perform set_config('role', previous, true);
          exception when insufficient_privilege then
            execute format('grant %I to %I', ${name}, current_user);
          end;
          return;
        exception
          when duplicate_object or unique_violation then null;
          when internal_error then
            -- "tuple concurrently updated": another database of the cluster is changing the same role
            perform pg_sleep(0.05);
        end;
      end loop;
      raise exception 'the role % could not be made: other databases of this cluster keep changing it', ${name};
    exception when insufficient_privilege then
      raise exception 'the user % may not make the role %', current_user, ${name}
        using errcode = 'insufficient_privilege',
          hint = format('have an administrator run: create role %I nologin; grant %I to %I', ${name}, ${name}, current_user);
    end
    $do$
  `.execute(kysely)
}
