"""The commands of routing. Importing any of them registers all, in the order in which the contract publishes them."""

# isort: off
from services.routing.commands import accusations as accusations
from services.routing.commands import handling as handling
from services.routing.commands import extension as extension
from services.routing.commands import dispatch as dispatch
from services.routing.commands import forwarding as forwarding
from services.routing.commands import notices as notices
from services.routing.commands import returns as returns
from services.routing.commands import review as review
from services.routing.commands import mediation as mediation
from services.routing.commands import repeated_matters as repeated_matters
from services.routing.commands import outcomes as outcomes
from services.routing.commands import service_of_documents as service_of_documents
from services.routing.commands import issued_notices as issued_notices
from services.routing.commands import followers as followers
