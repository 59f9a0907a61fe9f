#!/bin/bash
# The part of the official image's entrypoint that this project relies on: as root it becomes `postgres`; an empty data
# folder is set up from POSTGRES_USER, _PASSWORD (or _PASSWORD_FILE), _DB, _INITDB_ARGS and /docker-entrypoint-initdb.d, while
# only the socket answers; then the server replaces this shell.
set -euo pipefail
[[ ${1:-} != -* ]] || set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
    mkdir -p "$PGDATA" && chmod 700 "$PGDATA"
    if [[ $(id -u) == 0 ]]; then
        chown -R postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    if [[ ! -s $PGDATA/PG_VERSION ]]; then
        [[ -z ${POSTGRES_PASSWORD_FILE:-} ]] || POSTGRES_PASSWORD=$(< "$POSTGRES_PASSWORD_FILE")
        : "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}" "${POSTGRES_INITDB_ARGS:=}"
        if [[ -z ${POSTGRES_PASSWORD:-} && ${POSTGRES_HOST_AUTH_METHOD:-} != trust ]]; then
            echo "Error: POSTGRES_PASSWORD must not be empty for a new database." >&2
            exit 1
        fi
        # shellcheck disable=SC2086 # several arguments in one variable
        initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --auth-local=trust --auth-host=trust \
            --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") $POSTGRES_INITDB_ARGS
        printf "listen_addresses = '*'\nunix_socket_directories = '/var/run/postgresql'\n" >> "$PGDATA/postgresql.conf"
        printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
        pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses=''" start
        sql=(psql --no-psqlrc --no-password --host=/var/run/postgresql --username="$POSTGRES_USER" --set=ON_ERROR_STOP=1)
        exists=$("${sql[@]}" --dbname=postgres --tuples-only --no-align --set=db="$POSTGRES_DB" \
            <<< "SELECT 1 FROM pg_database WHERE datname = :'db'")
        [[ -n $exists ]] || "${sql[@]}" --dbname=postgres --set=db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db"'
        for file in /docker-entrypoint-initdb.d/*; do
            case $file in
                *.sql) "${sql[@]}" --dbname="$POSTGRES_DB" --file="$file" ;;
                *.sh) bash "$file" ;;
            esac
        done
        pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
    fi
fi
exec "$@"
