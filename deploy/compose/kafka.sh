#!/bin/sh
# Starts one broker (KRaft) that checks logins and rights. The administrator is created when the volume is new; `huiyin setup`
# creates the other users. The root file system stays read-only: the configuration is written to /tmp.
set -eu
umask 077
admin=$(cat /run/secrets/kafka-admin)
advertised=${HUIYIN_KAFKA_ADVERTISED:-localhost:9094}
partners=SASL_PLAINTEXT
if [ -s /run/tls/kafka.pem ]; then
    partners=SASL_SSL
elif [ "${advertised%:*}" != localhost ]; then
    echo "HUIYIN_KAFKA_ADVERTISED names another machine, so the connections need TLS: put kafka.pem (private key and certificates) into the folder HUIYIN_KAFKA_TLS, readable for user 1000." >&2
    exit 1
fi
scram=org.apache.kafka.common.security.scram.ScramLoginModule
plain=org.apache.kafka.common.security.plain.PlainLoginModule
cat >/tmp/server.properties <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=SERVICES://:9092,PARTNERS://:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=SERVICES://kafka:9092,PARTNERS://$advertised
listener.security.protocol.map=SERVICES:SASL_PLAINTEXT,PARTNERS:$partners,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=SERVICES
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.services.scram-sha-512.sasl.jaas.config=$scram required username="admin" password="$admin";
listener.name.partners.scram-sha-512.sasl.jaas.config=$scram required;
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=$plain required username="admin" password="$admin" user_admin="$admin";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
allow.everyone.if.no.acl.found=false
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
unclean.leader.election.enable=false
# A holiday of eight days is longer than Kafka's seven: a department that comes back finds its place again.
offsets.retention.minutes=43200
END
if [ "$partners" = SASL_SSL ]; then
    cat >>/tmp/server.properties <<END
listener.name.partners.ssl.keystore.type=PEM
listener.name.partners.ssl.keystore.location=/run/tls/kafka.pem
END
fi
cat >/tmp/admin.properties <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=$scram required username="admin" password="$admin";
END
if [ ! -s /var/lib/kafka/data/meta.properties ]; then
    identity=$(/opt/kafka/bin/kafka-storage.sh random-uuid)
    /opt/kafka/bin/kafka-storage.sh format -t "$identity" -c /tmp/server.properties \
        --add-scram "SCRAM-SHA-512=[name=admin,password=$admin]"
fi
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
