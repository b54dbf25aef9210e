from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0003_initial'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='journal',
            options={
                'permissions': [('top_up', 'Can put money on wallets')],
                'verbose_name': 'journal',
                'verbose_name_plural': 'journals',
            },
        ),
    ]
