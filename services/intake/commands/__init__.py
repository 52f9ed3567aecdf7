"""The commands of intake. Importing any of them registers all, in the order in which the contract publishes them."""

# isort: off
from services.intake.commands import filing as filing
from services.intake.commands import review_requests as review_requests
from services.intake.commands import corrections as corrections
from services.intake.commands import matter_links as matter_links
from services.intake.commands import representatives as representatives
from services.intake.commands import withdrawal as withdrawal
from services.intake.commands import delivery_address as delivery_address
from services.intake.commands import message_consent as message_consent
from services.intake.commands import query_codes as query_codes
from services.intake.commands import sealed_withdrawals as sealed_withdrawals
from services.intake.commands import erasure as erasure
