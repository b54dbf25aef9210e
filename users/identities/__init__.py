"""Log-in by an app that the driver has already: WeChat and Alipay, each behind the same small interface."""
