"""The commands of supervision. Importing any of them registers all, in the order in which the contract publishes them."""

# isort: off
from services.supervision.commands import closing as closing
from services.supervision.commands import escalation as escalation
from services.supervision.commands import withdrawal as withdrawal
from services.supervision.commands import late_records as late_records
from services.supervision.commands import extensions as extensions
