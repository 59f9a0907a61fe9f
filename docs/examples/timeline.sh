#!/bin/sh
# Rebuild a contact's timeline with kcat and jq: timeline.sh WORKSPACE CONTACT, newest event first, one a line.
set -eu
kcat -b "$KAFKA_BOOTSTRAP_SERVERS" -t "${TOPIC:-contact-events}" -C -o beginning -e -q |
jq -nRc --arg source "/workspaces/$1" --arg subject "contacts/$2" '
  [inputs | fromjson? | objects | select(.source == $source and .subject == $subject)] as $records
  | [$records[] | select(.type == "contact.event.erased.v1") | .data.event_id] as $erased
  | if any($records[]; .type == "contact.erased.v1") then empty
    else
      [$records[] | select(.type == "contact.event.recorded.v1")] | to_entries
      | group_by(.value.id) | map(first)                       # of several copies the first counts
      | map(select(.value.id | IN($erased[]) | not))
      | sort_by((.value.time | rtrimstr("Z")), .key) | reverse  # without Z a fraction sorts behind none
      | .[].value
    end'
