"""The engine: asyncio and pydantic only. It knows no notebook, widget or picture."""
