#!/bin/sh
# The part of the official image's entrypoint that this project relies on: the name servers as a variable when asked for,
# and templates turned into configuration with the variables that are set; nginx's own $variables stay.
set -eu
if [ -n "${NGINX_ENTRYPOINT_LOCAL_RESOLVERS:-}" ]; then
    NGINX_LOCAL_RESOLVERS=$(awk '$1 == "nameserver" {printf "%s ", $2 ~ ":" ? "[" $2 "]" : $2}' /etc/resolv.conf)
    export NGINX_LOCAL_RESOLVERS
fi
set_names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
for template in /etc/nginx/templates/*.template; do
    [ -f "$template" ] || continue
    envsubst "$set_names" < "$template" > "/etc/nginx/conf.d/$(basename "$template" .template)"
done
exec "$@"
