DROP TABLE hook_message;
DROP TABLE webhook_delivery;
DROP TABLE webhook_key;
DROP TABLE webhook_endpoint;
