"""New in v2: the greeting line on the page."""


def greet(user):
    return "Good to see you, {}. The kettle is on.".format(user)
