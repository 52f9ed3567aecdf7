#!/bin/sh
# Makes the passwords of docker-compose.yml as files of one folder, once: what is there stays. Nobody else can enter the folder;
# the files are readable for the users of the containers, into which each is mounted alone.
set -eu
folder=${1:-secrets}
mkdir -p -m 0700 "$folder"
chmod 0700 "$folder"
umask 022
made=0
keep() { # NAME CONTENT
    if [ ! -s "$folder/$1" ]; then
        printf '%s' "$2" >"$folder/$1.new"
        chmod 0444 "$folder/$1.new"
        mv "$folder/$1.new" "$folder/$1"
        made=$((made + 1))
    fi
}
random() { head -c 64 /dev/urandom | base64 -w 0 | tr -d '+/=' | cut -c 1-32; }
url() { printf 'mongodb://%s:%s@mongodb:27017/?replicaSet=rs0&authSource=admin' "$1" "$2"; }
keep mongodb-root "$(random)"
keep mongodb-admin "$(url huiyin "$(cat "$folder/mongodb-root")")"
keep kafka-admin "$(random)"
for service in intake routing supervision analytics; do
    keep "mongodb-$service" "$(url "huiyin-$service" "$(random)")"
    keep "kafka-$service" "$(random)"
done
keep grafana-admin "$(random)"
echo "$made new files in $folder"
