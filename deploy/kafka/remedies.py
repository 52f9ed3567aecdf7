"""What an operator does when Kafka cannot be used: one sentence for each cause, the same in every command."""

from __future__ import annotations

from shared.adapters.kafka.consumer_lag import BrokerUnavailable, CertificateRefused, LoginRefused

_REFUSALS = {
    "SecurityDisabled": (
        "These brokers have no authorizer, so they keep no rights. Set authorizer.class.name on each broker, or skip this step",
        "该 Kafka 未启用授权，无法设置权限。请在各 broker 上配置 authorizer.class.name，或跳过此步骤",
    ),
    "ClusterAuthorizationFailedError": (
        "Give the user in HUIYIN_KAFKA_USER the rights of an administrator, or name another user",
        "请为 HUIYIN_KAFKA_USER 指定的用户授予管理员权限，或改用其他用户",
    ),
}
"""Class of an error of the brokers -> what to do, without the full stop."""


def refusal(error: str) -> tuple[str, str]:
    """The text in English and Chinese for an operation that the brokers refused; `error` is the class of their error."""
    what, what_zh = _REFUSALS.get(
        error, ("Look up this error in the documentation of Kafka", "请查阅 Kafka 文档中的该错误")
    )
    return f"Kafka refuses: {error}. {what}.", f"Kafka 拒绝了该操作（{error}）。{what_zh}。"


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
