"""What an operator does when Kafka cannot be used: one sentence for each cause, the same in every command."""

from __future__ import annotations

from shared.adapters.kafka.consumer_lag import BrokerUnavailable, CertificateRefused, LoginRefused


def remedy(error: BrokerUnavailable) -> tuple[str, str]:
    """The text in English and Chinese. It quotes no setting."""
    if isinstance(error, LoginRefused):
        return (
            "Kafka refuses the user or the password. Check HUIYIN_KAFKA_USER and HUIYIN_KAFKA_PASSWORD.",
            "Kafka 拒绝了用户名或密码，请检查 HUIYIN_KAFKA_USER 和 HUIYIN_KAFKA_PASSWORD。",
        )
    if isinstance(error, CertificateRefused):
        return (
            "The certificate of the Kafka broker is not trusted, or is for another host name. Check HUIYIN_KAFKA_CA, and the"
            " host names in HUIYIN_KAFKA_BOOTSTRAP.",
            "Kafka 的证书不受信任或主机名不符，请检查 HUIYIN_KAFKA_CA 和 HUIYIN_KAFKA_BOOTSTRAP。",
        )
    return (
        f"Kafka does not answer ({error}). Check HUIYIN_KAFKA_BOOTSTRAP and HUIYIN_KAFKA_SECURITY.",
        "Kafka 没有响应，请检查 HUIYIN_KAFKA_BOOTSTRAP 和 HUIYIN_KAFKA_SECURITY。",
    )
