#!/bin/sh
# Starts a member of a replica set with access control. Its key file is made at the first start, readable by nobody else.
set -eu
key=/data/db/member.key
if [ ! -s "$key" ]; then
    head -c 96 /dev/urandom | base64 -w 0 >"$key"
    chmod 0400 "$key"
    chown mongodb:mongodb "$key"
fi
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile "$key" --wiredTigerCacheSizeGB 0.5 --quiet
