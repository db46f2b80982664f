"""What happens after a booking is committed: rendering its mails for the outbox."""
